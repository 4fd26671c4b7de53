"""Checks a review's page in Chromium: review_page.py CHROMIUM AXE FOLDER

FOLDER has the pages that the test wrote: small.html (6 roles), calm.html (nothing to say), hostile.html (every text is
hostile) and large.html (1,000 roles). AXE is axe-core's script. Each failed check is a line on standard output; the last
lines are what was measured. The exit code is 1 where a check failed.
"""

import json
import pathlib
import sys

from chromium import Browser

failures = []


def check(holds, what):
    if not holds:
        failures.append(what)
        print(f"failed: {what}", flush=True)


def equal(found, expected, what):
    check(found == expected, f"{what}: {found!r}, expected {expected!r}")


def quiet(browser, url, what):
    """No word in the console, no request but for the page, no dialog."""
    requests = [one["request"]["url"] for one in browser.named("Network.requestWillBeSent")]
    equal(requests, [url], f"{what}: requests")
    said = browser.named("Log.entryAdded", "Runtime.consoleAPICalled", "Runtime.exceptionThrown")
    equal(said, [], f"{what}: console")
    equal(browser.named("Page.javascriptDialogOpening", "Page.windowOpen"), [], f"{what}: dialogs")


def shown(browser, selector):
    """How many of these take up room on the screen."""
    return browser.js(
        f"Array.from(document.querySelectorAll({json.dumps(selector)})).filter(e => e.checkVisibility({{contentVisibilityAuto: false}})).length"
    )


def harmless(browser, what):
    """Nothing of what the texts say became an element, an attribute or a script."""
    found = browser.js(
        """(() => {
             document.getElementById("expand").click();
             const elements = Array.from(document.body.querySelectorAll("*"));
             for (const element of elements)
               for (const type of ["mouseover", "error", "load", "toggle"]) element.dispatchEvent(new Event(type));
             const loads = elements.filter(e => e.matches("script, style, img, iframe, object, embed, link, base, form, meta"));
             const attributes = new Set(elements.flatMap(e => e.getAttributeNames()).filter(name => name === "style" || name.startsWith("on")));
             const addresses = elements.filter(e => e.hasAttribute("href") && !e.getAttribute("href").startsWith("#"));
             return [loads.length, Array.from(attributes), addresses.length];
           })()"""
    )
    equal(found, [0, [], 0], f"{what}: elements, attributes and addresses that could do something")
    browser.js("new Promise(done => setTimeout(done, 100))")
    equal(browser.js("window.sentinel"), None, f"{what}: nothing hostile ran")


def security_policy(browser, url):
    """What a page with a hole would do is refused: inline scripts, handlers, styles, requests, forms, another base."""
    browser.js(
        """new Promise(resolve => {
             window.refused = [];
             document.addEventListener("securitypolicyviolation", event => window.refused.push(event.effectiveDirective));
             const script = document.createElement("script"); script.textContent = "window.ran = 'script'";
             const style = document.createElement("style"); style.textContent = "body{color:red}";
             const handler = document.createElement("img"); handler.setAttribute("onerror", "window.ran = 'handler'"); handler.src = "x.png";
             const base = document.createElement("base"); base.href = "https://example.com/";
             const frame = document.createElement("iframe"); frame.src = "about:blank#x"; frame.src = "other.html";
             for (const element of [script, style, handler, base, frame]) document.body.append(element);
             handler.setAttribute("style", "color:red");
             fetch("https://example.com/").catch(() => 0);
             const form = document.createElement("form"); form.action = "https://example.com/"; form.method = "post";
             document.body.append(form); form.submit();
             setTimeout(resolve, 300);
           })"""
    )
    equal(browser.js("window.ran"), None, "policy: nothing injected runs")
    refused = set(browser.js("window.refused"))
    wanted = {"script-src-elem", "style-src-elem", "script-src-attr", "img-src", "base-uri", "connect-src", "form-action"}
    wanted |= {"style-src-attr", "frame-src"}
    equal(sorted(wanted - refused), [], "policy: refused by it")
    equal(browser.js("location.href"), url, "policy: still there")


def filtering(browser):
    roles, findings = "table.roles > tbody", "table.findings > tbody > tr"
    all_roles, all_findings = shown(browser, roles), shown(browser, findings)
    status = lambda: browser.js("document.getElementById('count').textContent")
    equal((all_roles, all_findings), (6, 8), "filter: all there at first")

    browser.js("document.getElementById('filter').focus()")
    browser.type("KMS:creategrant")
    equal(shown(browser, roles), 2, "filter: roles that have an action")
    check(status().startswith("2 of 6 roles, "), f"filter: the count says so: {status()}")
    browser.press("Escape")
    equal((shown(browser, roles), status()), (6, "6 roles, 8 findings"), "filter: Escape takes it back")
    browser.type("ingress route53")
    equal((shown(browser, roles), shown(browser, findings)), (1, 0), "filter: every word has to be there")
    check(shown(browser, "#no-findings") == 1 and shown(browser, "#no-roles") == 0, "filter: says that no finding matches")
    browser.js("document.getElementById('filter').select()")
    browser.type("registry-operator")
    equal(shown(browser, roles), 1, "filter: by service account")
    browser.js("document.getElementById('filter').select()")
    browser.type("<script>")
    equal((shown(browser, roles), shown(browser, "#no-roles")), (0, 1), "filter: says that no role matches")
    browser.press("Escape")

    choose = lambda id, value: browser.js(
        f"{{const s = document.getElementById('{id}'); s.value = '{value}'; s.dispatchEvent(new Event('change'))}}"
    )
    choose("access", "pm")
    equal(shown(browser, roles), 3, "filter: by access level")
    choose("access", "")
    choose("severity", "error")
    equal((shown(browser, roles), shown(browser, findings)), (6, 1), "filter: by level of findings")
    choose("severity", "")
    equal(browser.js("document.getElementById('count').getAttribute('role')"), "status", "filter: the count is announced")


def folding(browser):
    is_open = "table.roles details[open]"
    count = lambda: browser.js(f"document.querySelectorAll('{is_open}').length")
    equal(count(), 0, "folding: folded at first")
    browser.js("document.getElementById('expand').focus()")
    browser.press("Enter")
    equal((count(), shown(browser, "table.roles .statement") > 6), (6, True), "folding: expand all, by keyboard")
    browser.press("Tab")
    equal(browser.js("document.activeElement.id"), "collapse", "folding: the next button is collapse all")
    browser.press(" ", code="Space")
    equal((count(), shown(browser, "table.roles .statement")), (0, 0), "folding: collapse all, by keyboard")
    browser.js("document.querySelector('table.roles summary').focus()")
    browser.press("Enter")
    equal(count(), 1, "folding: a single one, by keyboard")
    browser.js("document.getElementById('collapse').click()")
    # A link leads to what is folded and filtered away.
    browser.js("document.getElementById('filter').value = 'nothing has this'; document.getElementById('filter').dispatchEvent(new Event('input'))")
    equal(shown(browser, "table.roles > tbody"), 0, "folding: all filtered away")
    browser.js("document.querySelector('#rebuild a[href=\"#role-3-1\"]').focus()")
    browser.press("Enter")
    equal(browser.js("new Promise(done => setTimeout(() => done(location.hash), 100))"), "#role-3-1", "folding: the link")
    equal(shown(browser, "#role-3-1"), 1, "folding: a link unfolds where it leads")
    top = browser.js("document.getElementById('role-3-1').getBoundingClientRect().top")
    bar = browser.js("document.querySelector('.toolbar').getBoundingClientRect().bottom")
    check(bar <= top + 1 < 900, f"folding: below the bar, at {top}, the bar ends at {bar}")
    browser.js("history.replaceState(null, '', location.pathname)")


def keyboard(browser, url):
    browser.open(url)
    browser.press("Tab")
    equal(browser.js("document.activeElement.className"), "skip", "keyboard: first comes the skip link")
    check(browser.js("document.activeElement.getBoundingClientRect().top >= 0"), "keyboard: which can be seen then")
    browser.press("Enter")
    equal(browser.js("document.activeElement.id"), "verdict", "keyboard: it leads to the verdict")
    order, unseen = [], []
    for _ in range(60):
        browser.press("Tab")
        place = browser.js(
            """(() => { const e = document.activeElement, style = getComputedStyle(e);
                 return {name: e.id || e.className || e.localName, section: e.closest("[id]")?.closest("section, search")?.id ?? "",
                         outline: style.outlineStyle !== "none" && parseFloat(style.outlineWidth) >= 2, body: e === document.body}; })()"""
        )
        if place["body"]:
            break
        order.append(place["section"])
        if not place["outline"]:
            unseen.append(place["name"])
    equal(unseen, [], "keyboard: focus can be seen")
    sections = [name for index, name in enumerate(order) if name and name not in order[:index]]
    equal(sections, ["picture", "rebuild", "comparison", "roles", "findings"], "keyboard: in the order of the page")


def accessible(browser, axe, what):
    browser.js(axe + "; 0")
    result = browser.js("axe.run(document, {resultTypes: ['violations', 'incomplete']}).then(r => ({violations: r.violations, passes: r.passes.length}))")
    for violation in result["violations"]:
        nodes = "; ".join(f"{node['html'][:120]} ({node['failureSummary'][:200]})" for node in violation["nodes"][:3])
        check(False, f"axe, {what}: {violation['id']}, {len(violation['nodes'])} times: {nodes}")
    check(result["passes"] > 20, f"axe, {what}: only {result['passes']} rules passed")


def narrow(browser, url, what):
    browser.width(390)
    browser.open(url)
    browser.js("document.querySelectorAll('details').forEach(details => details.open = true)")
    equal(browser.js("document.documentElement.scrollWidth"), 390, f"{what}: no horizontal scroll at 390 pixels")
    browser.width(1280)


def printed(browser, url):
    """Paper shows everything, also where no script runs and whatever is filtered away."""
    for script in [True, False]:
        browser.call("Emulation.setScriptExecutionDisabled", value=not script)
        browser.open(url)
        where = "with script" if script else "without script"
        equal(shown(browser, ".toolbar"), int(script), f"print, {where}: the bar on the screen")
        equal(shown(browser, "table.roles .statement"), 0, f"print, {where}: folded on the screen")
        if script:
            browser.js("document.getElementById('filter').value = 'nothing has this'; document.getElementById('filter').dispatchEvent(new Event('input'))")
        browser.media(media="print")
        total = browser.js("document.querySelectorAll('.statement').length")
        equal(shown(browser, ".statement"), total, f"print, {where}: every statement is open")
        equal(shown(browser, "table.findings > tbody > tr"), 8, f"print, {where}: every finding is there")
        equal(shown(browser, ".toolbar"), 0, f"print, {where}: no bar on paper")
        browser.media()
    browser.call("Emulation.setScriptExecutionDisabled", value=False)


def measured(browser, url):
    browser.open(url)
    paint = browser.js(
        """new Promise(done => new PerformanceObserver(list => {
             for (const entry of list.getEntriesByName("first-contentful-paint")) done(entry.startTime);
           }).observe({type: "paint", buffered: true}))"""
    )
    loaded = browser.js("performance.getEntriesByType('navigation')[0].loadEventEnd")
    # Until the next frame is there: what the script does, styles, layout and paint.
    typed = """(text => new Promise(done => {
        const field = document.getElementById("filter"), begun = performance.now();
        field.value = text; field.dispatchEvent(new Event("input"));
        requestAnimationFrame(() => setTimeout(() => done(performance.now() - begun)));
    }))"""
    times = {"first paint": paint, "loaded": loaded}
    for text in ["kms:CreateGrant", "registry", ""]:
        times[f"filter {text!r}"] = browser.js(f"{typed}({json.dumps(text)})")
    for button in ["expand", "collapse"]:
        times[button] = browser.js(
            f"new Promise(done => {{ const begun = performance.now(); document.getElementById('{button}').click(); requestAnimationFrame(() => setTimeout(() => done(performance.now() - begun))) }})"
        )
    print("measured, 1,000 roles: " + ", ".join(f"{what} {time:.0f} ms" for what, time in times.items()))


def main():
    program, axe, folder = sys.argv[1:]
    axe = pathlib.Path(axe).read_text()
    url = lambda name: (pathlib.Path(folder) / f"{name}.html").resolve().as_uri()
    with Browser(program) as browser:
        browser.width(1280)
        browser.media()
        for name in ["small", "calm", "hostile"]:
            browser.open(url(name))
            harmless(browser, name)
            quiet(browser, url(name), name)
            narrow(browser, url(name), name)
        for name in ["small", "calm"]:
            for width in [1280, 390]:
                for scheme in ["light", "dark"]:
                    # All of it on the screen, since contrast can be told only of what is drawn.
                    browser.width(width, 12000)
                    browser.media(scheme)
                    browser.open(url(name))
                    browser.js("document.getElementById('expand').click()")
                    accessible(browser, axe, f"{name}, {width} pixels, {scheme}")
        browser.media()
        browser.width(1280)
        browser.open(url("small"))
        filtering(browser)
        folding(browser)
        quiet(browser, url("small"), "small, used")
        keyboard(browser, url("small"))
        printed(browser, url("small"))
        browser.open(url("small"))
        security_policy(browser, url("small"))
        measured(browser, url("large"))
    sys.exit(1 if failures else 0)


main()

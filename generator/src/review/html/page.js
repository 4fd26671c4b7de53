// What the page can do beyond being read: filter, fold and unfold, follow a link into what is folded, print everything.
// It reads the text of the page and sets `hidden`, `open` and plain text; it makes no markup.
"use strict";

document.documentElement.classList.add("js");

document.addEventListener("DOMContentLoaded", () => {
  const get = (id) => document.getElementById(id);
  const all = (selector) => Array.from(document.querySelectorAll(selector));
  const [filter, access, severity, count] = ["filter", "access", "severity", "count"].map(get);
  const counted = (number, what) => `${number} ${what}${number === 1 ? "" : "s"}`;

  // Made at the first use, so that the page is there before.
  let index = null;
  const rows = () => {
    if (index === null) {
      const row = (element) => ({ element, text: element.textContent.toLowerCase() });
      index = { roles: all("table.roles > tbody").map(row), findings: all("table.findings > tbody > tr").map(row) };
    }
    return index;
  };

  const show = (rows, matches) => {
    let shown = 0;
    for (const row of rows) {
      const hidden = !matches(row);
      shown += hidden ? 0 : 1;
      if (row.element.hidden !== hidden) row.element.hidden = hidden;
    }
    return shown;
  };

  const apply = () => {
    const { roles, findings } = rows();
    const words = filter.value.toLowerCase().split(/\s+/).filter((word) => word !== "");
    const has = (row) => words.every((word) => row.text.includes(word));
    const reaches = (row) => access.value === "" || row.element.dataset.levels.split(" ").includes(access.value);
    const counts = (row) => severity.value === "" || row.element.dataset.level === severity.value;
    const shownRoles = show(roles, (row) => has(row) && reaches(row));
    const shownFindings = show(findings, (row) => has(row) && counts(row));
    const part = (shown, of, what) => (shown === of ? counted(of, what) : `${shown} of ${counted(of, what)}`);
    count.textContent = `${part(shownRoles, roles.length, "role")}, ${part(shownFindings, findings.length, "finding")}`;
    get("no-roles").hidden = shownRoles > 0 || roles.length === 0;
    const noFindings = get("no-findings");
    if (noFindings !== null) noFindings.hidden = shownFindings > 0;
  };

  const reset = () => {
    for (const field of [filter, access, severity]) field.value = "";
    apply();
  };

  filter.addEventListener("input", apply);
  access.addEventListener("change", apply);
  severity.addEventListener("change", apply);
  filter.addEventListener("keydown", (event) => {
    if (event.key === "Escape") reset();
  });
  // A browser may keep what was typed when the page is loaded again.
  if (filter.value !== "" || access.value !== "" || severity.value !== "") apply();

  const fold = (open) => () => {
    for (const details of all("table.roles > tbody:not([hidden]) details")) details.open = open;
  };
  get("expand").addEventListener("click", fold(true));
  get("collapse").addEventListener("click", fold(false));

  // A link leads to a row that may be filtered away, or to a statement that is folded.
  const reveal = () => {
    const target = location.hash.length > 1 ? get(location.hash.slice(1)) : null;
    if (target === null) return;
    if (target.closest("[hidden]") !== null) reset();
    const details = target.closest("details") ?? target.querySelector(":scope > tr.fold details");
    if (details !== null) details.open = true;
    // Rows get their height when they come onto the screen, so the place is right only after they did.
    target.scrollIntoView();
    requestAnimationFrame(() => requestAnimationFrame(() => target.scrollIntoView()));
  };
  window.addEventListener("hashchange", reveal);
  reveal();

  let opened = [];
  window.addEventListener("beforeprint", () => {
    opened = all("details:not([open])");
    for (const details of opened) details.open = true;
  });
  window.addEventListener("afterprint", () => {
    for (const details of opened) details.open = false;
    opened = [];
  });
});

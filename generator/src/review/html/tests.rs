use super::*;
use crate::review::report::{
    Acceptance, CameAndWent, Change, Changed, FindingLevel, Presence, PrivateBucket, RequestsFrom, Verdict, Witness,
};
use crate::review::sample;

/// A page without its style and script, which are constants and tested on their own.
fn body(page: &str) -> &str {
    &page[page.find("<body>").unwrap()..]
}

fn between<'a>(text: &'a str, start: &str, end: &str) -> &'a str {
    let (_, rest) = text.split_once(start).unwrap();
    rest.split_once(end).unwrap().0
}

/// The tags in their order, with the names of their attributes; what the values are is left out.
fn structure(html: &str) -> Vec<String> {
    let mut tags = Vec::new();
    let mut rest = html;
    while let Some((_, after)) = rest.split_once('<') {
        // An attribute's value has no `>` either: it would be escaped.
        let (tag, after) = after.split_once('>').unwrap();
        let mut parts = tag.split('"');
        let mut names = String::new();
        while let Some(name) = parts.next() {
            names.push_str(name);
            parts.next();
        }
        tags.push(names);
        rest = after;
    }
    tags
}

/// A review with this text wherever a text can stand.
fn filled(text: &str) -> Review {
    let mut review = sample::review();
    let all = |texts: &mut Vec<String>| texts.fill(text.to_owned());
    let set = |value: &mut String| text.clone_into(value);
    let bundle = &mut review.bundle;
    for value in [&mut bundle.name, &mut bundle.account_id, &mut bundle.partition, &mut bundle.region] {
        set(value);
    }
    bundle.issuer_url = Some(text.to_owned());
    review.keys.iter_mut().for_each(|key| [&mut key.kid, &mut key.key].into_iter().for_each(set));
    for signer in &mut review.signers {
        [&mut signer.role, &mut signer.key, &mut signer.trusted_comment].into_iter().for_each(set);
    }
    review.rebuild.made_by = Some(text.to_owned());
    for difference in &mut review.rebuild.differences {
        [&mut difference.entry, &mut difference.message].into_iter().for_each(set);
        difference.role = Some(text.to_owned());
        difference.expected = Some(text.to_owned());
        difference.found = Some(text.to_owned());
    }
    for role in &mut review.roles {
        for value in [&mut role.role, &mut role.request, &mut role.namespace, &mut role.secret] {
            set(value);
        }
        all(&mut role.service_accounts);
        role.boundary = Some(text.to_owned());
        for statement in &mut role.statements {
            set(&mut statement.resource);
            statement.not_actions = Some(vec![text.to_owned()]);
            let json = serde_json::json!({"StringLike": {"aws:<script>": ["<script>alert(1)</script>", "\"x'"]}});
            statement.conditions = Some(serde_json::from_value(json).unwrap());
            for service in &mut statement.access {
                set(&mut service.service);
                for level in &mut service.levels {
                    set(&mut level.level);
                    all(&mut level.actions);
                }
            }
        }
    }
    for finding in &mut review.findings {
        [&mut finding.message, &mut finding.advice].into_iter().for_each(set);
        finding.role = Some(text.to_owned());
        if let Some(Acceptance { by, reason, .. }) = &mut finding.accepted {
            [by, reason].into_iter().for_each(set);
        }
    }
    fill_comparison(&mut review, text);
    [&mut review.action_data.version, &mut review.action_data.date, &mut review.settings.generator_version]
        .into_iter()
        .for_each(set);
    review
}

fn fill_comparison(review: &mut Review, text: &str) {
    let before = review.roles[1].statements.clone();
    let comparison = review.comparison.as_mut().unwrap();
    text.clone_into(&mut comparison.against.name);
    for change in &mut comparison.identity {
        change.old = text.to_owned();
        change.new = text.to_owned();
    }
    let both = CameAndWent { came: vec![text.to_owned()], went: vec![text.to_owned()] };
    comparison.keys = both.clone();
    comparison.audiences = both.clone();
    comparison.tags = both;
    for (role, presence) in comparison.roles.iter_mut().zip([Presence::Both, Presence::Went]) {
        role.presence = presence;
        role.role = text.to_owned();
        role.secret = text.to_owned();
        let what = [
            Changed::ServiceAccount,
            Changed::Boundary,
            Changed::Statement,
            Changed::Action,
            Changed::Resource,
            Changed::Condition,
            Changed::TokenPath,
        ];
        let change = |(what, came)| Change { what, statement: Some(1), came, value: text.to_owned() };
        role.changes = what.into_iter().flat_map(|what| [(what, true), (what, false)]).map(change).collect();
        role.witnesses = vec![Witness {
            action: text.to_owned(),
            resource: text.to_owned(),
            context: [(text.to_owned(), vec![text.to_owned()])].into(),
        }];
        role.undecided = vec![text.to_owned()];
        role.before = before.clone();
    }
}

#[test]
fn hostile_text_makes_no_tag_and_no_attribute_anywhere() {
    let plain = page(&filled("plain"));
    for hostile in [
        "<script>alert(1)</script>",
        "</script><script>alert(1)</script>",
        "</style></title></textarea><img src=x onerror=alert(1)>",
        "\"onmouseover=\"alert(1)",
        "' autofocus onfocus='alert(1)",
        "javascript:alert(1)",
        "</code></td></table><svg onload=alert(1)>",
        "<!--",
        "--><![CDATA[",
        "&lt;script&gt;&#x3c;b&#x3e;",
        "a\0b\u{202e}c\u{2066}d\u{200b}e\u{feff}f\u{e0041}g\u{9b}h\u{1b}[2J",
        "\r\n\u{2028}\u{2029}",
    ] {
        let hostile_page = page(&filled(hostile));
        assert_eq!(structure(&hostile_page), structure(&plain), "{hostile:?}");
        let unseen = hostile_page.chars().find(|&c| {
            (c.is_control() && c != '\n') || "\u{202e}\u{2066}\u{200b}\u{feff}\u{e0041}\u{2028}\u{2029}".contains(c)
        });
        assert_eq!(unseen, None, "{hostile:?}");
    }
}

#[test]
fn what_is_hostile_is_shown_as_it_is() {
    let page = page(&filled("<b>\u{202e}\""));
    assert!(page.contains("<code>&lt;b&gt;\\u{202e}&quot;</code>"));
    assert!(page.contains("StringLike aws:&lt;script&gt; is &lt;script&gt;alert(1)&lt;/script&gt; or &quot;x&#39;"));
}

#[test]
fn the_policy_allows_exactly_the_style_and_script_that_are_there() {
    let page = page(&sample::review());
    let hash = |text: &str| STANDARD.encode(Sha256::digest(text));
    let expected = format!(
        "default-src &#39;none&#39;; style-src &#39;sha256-{}&#39;; script-src &#39;sha256-{}&#39;; base-uri &#39;none&#39;; form-action &#39;none&#39;",
        hash(between(&page, "<style>", "</style>")),
        hash(between(&page, "<script>", "</script>"))
    );
    assert_eq!(between(&page, "http-equiv=\"Content-Security-Policy\" content=\"", "\""), expected);
    assert_eq!((page.matches("<style").count(), page.matches("<script").count()), (1, 1));
    assert!(page.find("Content-Security-Policy").unwrap() < page.find("<style>").unwrap());
}

#[test]
fn nothing_is_loaded_from_anywhere() {
    let review = sample::review();
    let page = page(&review);
    for loads in
        [" src=", "srcset", "<link", "<img", "<iframe", "<object", "<base", "url(", "@import", "@font-face", "data:"]
    {
        assert!(!page.contains(loads), "{loads}");
    }
    assert_eq!(page.matches("http://").count(), 0);
    assert_eq!(
        page.matches("https://").count(),
        page.matches(review.bundle.issuer_url.as_deref().unwrap()).count(),
        "as text alone"
    );
    for part in page.split("href=\"").skip(1) {
        assert!(part.starts_with('#'), "{}", part.split('"').next().unwrap());
    }
    for tag in structure(body(&page)) {
        assert!(!tag.contains(" style=") && !tag.split(' ').any(|name| name.starts_with("on")), "{tag}");
    }
    for makes_markup in ["innerHTML", "outerHTML", "insertAdjacentHTML", "document.write", "eval(", "Function("] {
        assert!(!SCRIPT.contains(makes_markup), "{makes_markup}");
    }
    assert!(!SCRIPT.contains("</") && !SCRIPT.contains("<!--") && !STYLE.contains("</"));
}

#[test]
fn links_lead_somewhere_and_names_are_given_once() {
    let page = page(&sample::review());
    let mut ids: Vec<&str> = page.split(" id=\"").skip(1).map(|part| part.split('"').next().unwrap()).collect();
    let count = ids.len();
    for part in page.split("href=\"#").skip(1) {
        let id = part.split('"').next().unwrap();
        assert!(ids.contains(&id), "{id}");
    }
    ids.sort_unstable();
    ids.dedup();
    assert_eq!(ids.len(), count);
}

#[test]
fn sections_are_in_the_order_of_a_reviewer() {
    let page = page(&sample::review());
    let sections: Vec<&str> =
        page.split("<section id=\"").skip(1).map(|part| part.split('"').next().unwrap()).collect();
    assert_eq!(
        sections,
        ["verdict", "identity", "picture", "rebuild", "comparison", "roles", "findings", "skipped", "settings"]
    );
}

#[test]
fn every_role_and_finding_is_there() {
    let review = sample::review();
    let page = page(&review);
    for (index, role) in review.roles.iter().enumerate() {
        let row = between(&page, &format!("<tbody role=\"rowgroup\" id=\"role-{}\"", index + 1), "</tbody>");
        assert!(row.contains(&format!("<th scope=\"row\" role=\"rowheader\"><code>{}</code>", role.role)), "{row}");
        for statement in &role.statements {
            for action in statement.actions.iter().chain(&statement.not_actions).flatten() {
                assert!(row.contains(&format!("<code>{action}</code>")), "{action}");
            }
            assert!(row.contains(&format!("<dt>Resource</dt><dd><code>{}</code>", statement.resource)), "{row}");
        }
    }
    for (index, finding) in review.findings.iter().enumerate() {
        let row = between(&page, &format!("<tr role=\"row\" id=\"finding-{}\"", index + 1), "</tr>");
        for text in [finding.message.as_str(), finding.advice.as_str(), finding.id] {
            assert!(row.contains(&text.replace('\'', "&#39;")), "{row}");
        }
    }
    let row = between(&page, "<tr role=\"row\" id=\"finding-2\"", "</tr>");
    assert!(row.contains("href=\"#role-2-1\"") && row.contains("03-disks.yaml:18"), "{row}");
    assert!(row.contains("<b>Accepted</b> by Ada (security) until 2027-01-01T00:00:00Z: upstream reverted"), "{row}");
}

#[test]
fn before_and_after_stand_beside_each_other() {
    let page = page(&sample::review());
    let change = between(&page, "<details class=\"change\" open>", "</details>");
    let (before, after) = change.split_once("<p class=\"side-title\">After</p>").unwrap();
    assert!(before.contains("<del><code>arn:aws:s3:::registry-*</code></del>"), "{before}");
    assert!(after.contains("<ins><code>s3:PutBucketPolicy</code></ins>"), "{after}");
    assert!(after.contains("<ins><code>*</code></ins>"), "{after}");
    assert!(before.contains("<code>s3:PutBucketPolicy</code> on <code>arn:aws:s3:::other</code> when <code>aws:RequestedRegion</code> is <code>us-east-2</code>"), "{before}");
    assert!(!change.contains("Further changes"), "all of them have their place");
}

#[test]
fn who_could_use_a_role_before_is_what_stayed_and_what_went() {
    let mut review = sample::review();
    let boundary = "arn:aws:iam::123456789012:policy/edge";
    review.roles[2].boundary = Some(boundary.to_owned());
    let change = |what, came, value: &str| Change { what, statement: None, came, value: value.to_owned() };
    review.comparison.as_mut().unwrap().roles[0].changes = vec![
        change(Changed::ServiceAccount, true, "registry"),
        change(Changed::ServiceAccount, false, "pruner"),
        change(Changed::Boundary, true, boundary),
        change(Changed::TokenPath, true, "/var/run/token"),
    ];
    let page = page(&review);
    let change = between(&page, "<details class=\"change\" open>", "</details>");
    let sides: Vec<&str> = change.split("<dt>Service accounts</dt><dd>").skip(1).collect();
    assert!(
        sides[0].starts_with("<code>cluster-image-registry-operator</code> <del><code>pruner</code></del></dd></dl>")
    );
    assert!(sides[1].starts_with(&format!(
        "<code>cluster-image-registry-operator</code> <ins><code>registry</code></ins></dd><dt>Boundary</dt><dd><ins><code>{boundary}</code></ins></dd>"
    )));
    assert!(change.contains("<li>Token path came: <ins><code>/var/run/token</code></ins></li>"), "{change}");
}

#[test]
fn good_news_is_quiet_and_unchecked_signatures_are_loud() {
    let mut review = sample::review();
    review.comparison = None;
    review.rebuild.differences.clear();
    review.rebuild.requests = RequestsFrom::Directory;
    review.findings.retain(|finding| finding.level == FindingLevel::Note);
    review.signatures_checked = false;
    let page = page(&review);
    let verdict = between(&page, "<ul class=\"verdict\">", "</ul>");
    let tones: Vec<&str> = verdict.split("<li class=\"").skip(1).map(|part| part.split('"').next().unwrap()).collect();
    assert_eq!(tones, ["good", "plain", "bad"]);
    assert!(page.contains("<p class=\"loud\">No trusted key was given"));
    assert!(page.contains("Made again from the requests of the directory, every entry is the same."));
    assert!(
        !page.contains("id=\"comparison\"") && !page.contains("#comparison") && !page.contains("class=\"headlines\"")
    );
    assert!(between(&page, "<title>", "</title>").ends_with("SIGNATURES NOT CHECKED"));
}

#[test]
fn the_same_review_gives_the_same_bytes() {
    assert_eq!(page(&sample::review()), page(&sample::review()));
}

#[test]
fn many_changed_roles_are_folded() {
    let mut review = sample::review();
    let comparison = review.comparison.as_mut().unwrap();
    comparison.verdict = Verdict::Widened;
    comparison.roles = vec![comparison.roles[0].clone(); 21];
    assert!(!page(&review).contains("<details class=\"change\" open>"));
}

/// The colours of each scheme, by name, as the style has them: light, dark and paper.
fn schemes() -> [BTreeMap<&'static str, [f64; 3]>; 3] {
    let [light, dark, paper] = ["\n:root {", "(prefers-color-scheme: dark) {", "@media print {"].map(|start| {
        let block = STYLE.split_once(start).unwrap().1.split_once('}').unwrap().0;
        let colours = block.split("--").skip(1).filter_map(|part| {
            let (name, value) = part.split_once(':').unwrap();
            let hex = value.trim_start().strip_prefix('#')?.split(';').next().unwrap();
            let digits: Vec<u32> = hex.chars().map(|digit| digit.to_digit(16).unwrap()).collect();
            let width = digits.len() / 3;
            let part = |index: usize| digits[index * width] * 16 + digits[index * width + width - 1];
            Some((name, [0, 1, 2].map(|index| f64::from(part(index)))))
        });
        colours.collect::<BTreeMap<_, _>>()
    });
    let over = |scheme: BTreeMap<_, _>| light.clone().into_iter().chain(scheme).collect();
    [light.clone(), over(dark), over(paper)]
}

/// WCAG 2.2, contrast ratio.
fn contrast(one: [f64; 3], other: [f64; 3]) -> f64 {
    let luminance = |colour: [f64; 3]| {
        let [r, g, b] = colour.map(|part| {
            let part = part / 255.0;
            if part <= 0.04045 { part / 12.92 } else { ((part + 0.055) / 1.055).powf(2.4) }
        });
        0.2126 * r + 0.7152 * g + 0.0722 * b
    };
    let (one, other) = (luminance(one), luminance(other));
    (one.max(other) + 0.05) / (one.min(other) + 0.05)
}

#[test]
fn text_can_be_told_from_its_background_in_every_scheme() {
    let mut pairs = Vec::new();
    for ground in ["paper", "surface", "sunken"] {
        pairs.extend(["ink", "soft", "accent", "good"].map(|text| (text, ground)));
    }
    for tint in ["came-tint", "went-tint", "pm-tint", "wr-tint", "un-tint", "tg-tint", "rd-tint", "ls-tint"] {
        let name = tint.strip_suffix("-tint").unwrap();
        pairs.extend([(name, tint), (name, "surface"), ("ink", tint), ("soft", tint)]);
    }
    pairs.extend([("bad", "bad-tint"), ("warning", "warning-tint"), ("good", "good-tint"), ("soft", "plain-tint")]);
    pairs.extend([("on-fill", "bad-fill"), ("surface", "accent"), ("surface", "warning")]);
    for (scheme, colours) in ["light", "dark", "paper"].into_iter().zip(schemes()) {
        for (text, ground) in &pairs {
            let ratio = contrast(colours[text], colours[ground]);
            assert!(ratio >= 4.5, "{text} on {ground}, {scheme}: {ratio:.2}");
        }
        // What is not text, but has to be seen.
        for line in ["pm-line", "wr-line", "un-line", "tg-line", "rd-line", "ls-line", "focus"] {
            let ratio = contrast(colours[line], colours["surface"]);
            assert!(ratio >= 3.0, "{line}, {scheme}: {ratio:.2}");
        }
    }
    assert!((contrast([0.0; 3], [255.0; 3]) - 21.0).abs() < 1e-9);
}

#[test]
fn a_page_without_roles_says_nothing_about_them() {
    let mut review = sample::review();
    review.bundle.kind = Kind::Endpoint;
    review.bundle.issuer_url = None;
    review.bundle.private_bucket =
        Some(PrivateBucket { bucket: "prod-a-oidc".to_owned(), distribution: None, certificate: None });
    review.comparison = None;
    review.rebuild.differences.clear();
    (review.roles, review.keys, review.skipped) = (Vec::new(), Vec::new(), Vec::new());
    review.findings.retain(|finding| finding.role.is_none());
    let page = page(&review);
    let body = body(&page);
    for absent in ["id=\"picture\"", "id=\"roles\"", "id=\"skipped\"", "#roles", "#skipped", "Role names", "Audiences"]
    {
        assert!(!body.contains(absent), "{absent}");
    }
    assert!(body.contains("<strong>is what its settings give</strong>"));
    assert!(body.contains("<th scope=\"row\">Bucket</th><td>prod-a-oidc, which CloudFront alone may read</td>"));
    // Every way within the page leads somewhere.
    for (_, rest) in body.match_indices("href=\"#").map(|(at, found)| (at, &body[at + found.len()..])) {
        let target = rest.split('"').next().unwrap();
        assert!(body.contains(&format!("id=\"{target}\"")), "{target}");
    }
}

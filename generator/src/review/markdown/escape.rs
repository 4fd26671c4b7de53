//! Untrusted text inside Markdown.
//!
//! Input: any text. Output: Markdown that shows it and does nothing else: no link, image, mention, HTML, and no further cell of a
//! table. Backslashes are not enough for that: viewers such as GitHub and GitLab look for `@name`, `#123` and bare URLs in what is
//! left after Markdown was read, in everything but code. So a value is a code span [GitHub Flavored Markdown, code spans,
//! tables, autolinks].

use bundle_schema::escape::EscapedWhole;

/// A value as a code span. `|` would end a cell of a table even there, and viewers do not agree on how to keep it from that,
/// so it is spelled out like the characters that nobody sees.
pub(super) fn code(value: &str) -> String {
    let value = EscapedWhole(value).to_string().replace('|', "\\u{7c}");
    if value.is_empty() {
        return "(empty)".to_owned();
    }
    let fence = "`".repeat(longest_run(&value) + 1);
    // One space is taken away again at each end, where there is one at both.
    let space = if value.starts_with(['`', ' ']) || value.ends_with(['`', ' ']) { " " } else { "" };
    format!("{fence}{space}{value}{space}{fence}")
}

/// Values as code spans, with commas between them.
pub(super) fn codes<'a>(values: impl IntoIterator<Item = &'a str>) -> String {
    values.into_iter().map(code).collect::<Vec<_>>().join(", ")
}

/// A sentence with values in it: each word that is no plain word is a code span. Not for the beginning of a line.
pub(super) fn prose(sentence: &str) -> String {
    sentence.split(' ').filter(|word| !word.is_empty()).map(word).collect::<Vec<_>>().join(" ")
}

fn word(word: &str) -> String {
    let (open, rest) = word.strip_prefix('(').map_or(("", word), |rest| ("(", rest));
    let without_stop = rest.strip_suffix([',', '.', ';', ':']).unwrap_or(rest);
    let core = without_stop.strip_suffix(')').unwrap_or(without_stop);
    let close = rest.strip_prefix(core).unwrap_or_default();
    if core.is_empty() {
        return code(word);
    }
    if is_plain(core) { word.to_owned() } else { format!("{open}{}{close}", code(core)) }
}

/// A number, letters with `'` and `-` between them, or `=`: nothing that Markdown or a viewer gives meaning to.
fn is_plain(word: &str) -> bool {
    let letters = |part: &str| !part.is_empty() && part.bytes().all(|byte| byte.is_ascii_alphabetic());
    word == "=" || word.bytes().all(|byte| byte.is_ascii_digit()) || word.split(['\'', '-']).all(letters)
}

/// A block of lines that are shown as they are, highlighted as a diff.
pub(super) fn diff<'a>(lines: impl IntoIterator<Item = (char, &'a str)>) -> String {
    let lines: Vec<String> = lines.into_iter().map(|(mark, line)| format!("{mark} {}\n", EscapedWhole(line))).collect();
    let fence = "`".repeat(lines.iter().map(|line| longest_run(line)).max().unwrap_or_default().max(2) + 1);
    format!("{fence}diff\n{}{fence}\n", lines.concat())
}

/// How many backticks stand side by side at most.
fn longest_run(text: &str) -> usize {
    text.split(|character| character != '`').map(str::len).max().unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_code_span_ends_where_it_should() {
        for (value, span) in [
            ("s3:Get*", "`s3:Get*`"),
            ("a`b``c", "```a`b``c```"),
            ("`", "`` ` ``"),
            (" a", "`  a `"),
            ("a|b\\|", "`a\\u{7c}b\\\\u{7c}`"),
            ("a\nb\u{202e}", "`a\\u{a}b\\u{202e}`"),
            ("", "(empty)"),
        ] {
            assert_eq!(code(value), span, "{value:?}");
        }
    }

    #[test]
    fn words_stay_words_and_values_are_code() {
        assert_eq!(
            prose(
                "it allows every action but iam:*, also (of the cluster's 3 re-made) s3:Get*). @me [x](y) _z_ a = 1."
            ),
            "it allows every action but `iam:*`, also (of the cluster's 3 re-made) `s3:Get*`). `@me` `[x](y`) `_z_` a = 1."
        );
        assert_eq!(
            prose("- -- www.a.b a@b #1 GH-1 <b> &lt; :x: ~~a~~"),
            "`-` `--` `www.a.b` `a@b` `#1` `GH-1` `<b>` `&lt`; `:x`: `~~a~~`"
        );
    }

    #[test]
    fn a_diff_block_outlives_its_lines() {
        assert_eq!(diff([('-', "a"), ('+', "```b\n")]), "````diff\n- a\n+ ```b\\u{a}\n````\n");
    }
}

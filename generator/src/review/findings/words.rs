//! How findings say things: lists, counts and values of others, at a length that can be read.

/// Items of a list that are named; the others are counted.
const MAX_ITEMS: usize = 12;
/// Characters of a value that are shown.
const MAX_CHARS: usize = 120;

/// `a`, `a and b`, or `a, b and 7 more`.
pub(super) fn list<T: ToString>(items: impl IntoIterator<Item = T>) -> String {
    join(items.into_iter().map(|item| cut(&item.to_string())), MAX_ITEMS)
}

/// As [`list`], of at most so many items, which are not cut.
pub(super) fn join(items: impl Iterator<Item = String>, most: usize) -> String {
    let mut items = items.peekable();
    let mut words: Vec<String> = items.by_ref().take(most).collect();
    if items.peek().is_some() {
        words.pop();
        words.push(format!("{} more", items.count() + 1));
    }
    match words.split_last() {
        Some((last, [])) => last.clone(),
        Some((last, others)) => format!("{} and {last}", others.join(", ")),
        None => String::new(),
    }
}

/// `a is` or `a and b are`.
pub(super) fn are<T: ToString>(items: &[T]) -> String {
    let verb = if items.len() == 1 { "is" } else { "are" };
    format!("{} {verb}", list(items.iter().map(ToString::to_string)))
}

/// `a is allowed` or `a and b are allowed`.
pub(super) fn allowed<T: ToString>(items: &[T]) -> String {
    format!("{} allowed", are(items))
}

/// `1 role` or `7 roles`.
pub(super) fn count(number: usize, thing: &str) -> String {
    let ending = if number == 1 { "" } else { "s" };
    format!("{number} {thing}{ending}")
}

/// A value, with its end left out where it is long.
pub(super) fn cut(value: &str) -> String {
    match value.char_indices().nth(MAX_CHARS) {
        Some((end, _)) => format!("{}...", value.get(..end).unwrap_or_default()),
        None => value.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lists_read_as_sentences_do() {
        assert_eq!(list(["a"]), "a");
        assert_eq!(list(["a", "b", "c"]), "a, b and c");
        assert_eq!(list(1..=12), "1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11 and 12");
        assert_eq!(list(1..=20), "1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11 and 9 more");
        assert_eq!(list(Vec::<String>::new()), "");
        assert_eq!(
            (allowed(&["a"]), allowed(&["a", "b"])),
            ("a is allowed".to_owned(), "a and b are allowed".to_owned())
        );
        assert_eq!((count(1, "role"), count(2, "role")), ("1 role".to_owned(), "2 roles".to_owned()));
        assert_eq!(cut(&"é".repeat(121)), format!("{}...", "é".repeat(120)));
    }
}

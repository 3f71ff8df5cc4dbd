use super::*;
use patchbay_engine::experiment::{Prompt, link};

fn of(text: &str) -> Experiment {
    Experiment {
        clean: Prompt::Text(text.into()),
        ..Experiment::default()
    }
}

fn text(experiment: &Experiment) -> &str {
    match &experiment.clean {
        Prompt::Text(text) => text,
        Prompt::Tokens(_) => "",
    }
}

/// A history in which these were clicked one after the other, the first at the start.
fn clicked(texts: &[&str]) -> History {
    let mut history = History::new(of(texts[0]), 0, Some(0));
    for (i, one) in texts.iter().enumerate().skip(1) {
        assert_eq!(history.take(&of(one), None, i as f64), Taken::Added);
        history.put(i as i32);
    }
    history
}

fn step(history: &mut History, by: isize) -> Option<String> {
    history.step(by).map(|e| text(&e).to_owned())
}

#[test]
fn each_change_is_undone_and_done_again() {
    let mut history = clicked(&["a", "b", "c"]);
    assert_eq!(step(&mut history, 1), None);
    assert_eq!(step(&mut history, -1).as_deref(), Some("b"));
    // What is on the page is no change.
    assert_eq!(history.take(&of("b"), None, 9.0), Taken::Not);
    let (before, now) = history.across(-1).unwrap();
    assert_eq!((text(before), text(now)), ("a", "b"));
    let (before, now) = history.across(1).unwrap();
    assert_eq!((text(before), text(now)), ("b", "c"));
    assert_eq!(step(&mut history, -1).as_deref(), Some("a"));
    assert_eq!(step(&mut history, -1), None);
    assert_eq!(step(&mut history, 1).as_deref(), Some("b"));
    // Another way from here: what was undone is given up.
    assert_eq!(history.take(&of("d"), None, 9.0), Taken::Added);
    assert_eq!(step(&mut history, 1), None);
    assert_eq!(step(&mut history, -1).as_deref(), Some("b"));
}

#[test]
fn typing_without_a_pause_in_one_field_is_one_change() {
    let mut history = History::new(of(""), 0, Some(0));
    let mut typed =
        |text: &str, field: &str, time: f64| history.take(&of(text), Some(field.into()), time);
    assert_eq!(typed("a", "clean", 0.0), Taken::Added);
    assert_eq!(typed("ab", "clean", 900.0), Taken::Joined);
    assert_eq!(typed("abc", "clean", 1_800.0), Taken::Joined);
    assert_eq!(typed("abcd", "clean", 2_900.0), Taken::Added);
    assert_eq!(typed("abcde", "answer", 3_000.0), Taken::Added);
    // A clock that was set back ends it, too.
    assert_eq!(typed("x", "answer", 2_000.0), Taken::Added);
    for expected in ["abcde", "abcd", "abc", ""] {
        assert_eq!(step(&mut history, -1).as_deref(), Some(expected));
    }
    // What is typed after something was undone is a change of its own.
    let mut history = History::new(of(""), 0, None);
    history.take(&of("a"), Some("clean".into()), 0.0);
    history.take(&of("b"), Some("answer".into()), 1.0);
    step(&mut history, -1);
    let taken = history.take(&of("ab"), Some("answer".into()), 2.0);
    assert_eq!(taken, Taken::Added);
}

#[test]
fn what_nobody_did_cannot_be_undone_and_what_changed_nothing_is_passed_over() {
    let mut history = clicked(&["a", "b"]);
    history.correct(of("B"));
    assert_eq!(history.take(&of("B"), None, 3.0), Taken::Not);
    assert_eq!(step(&mut history, -1).as_deref(), Some("a"));
    assert_eq!(step(&mut history, 1).as_deref(), Some("B"));
    history.correct(of("a"));
    assert!(history.across(-1).is_none());
}

#[test]
fn numbers_and_bytes_have_their_limits() {
    let texts: Vec<String> = (0..MOST + 50).map(|i| i.to_string()).collect();
    let mut history = History::new(of(&texts[0]), 0, None);
    for one in &texts[1..] {
        history.take(&of(one), None, 0.0);
    }
    assert_eq!(history.entries.len(), MOST);
    assert_eq!(text(&history.now().experiment), texts[MOST + 49]);
    let mut large = History::new(of("0"), 0, None);
    for i in 0..8 {
        large.take(&of(&i.to_string().repeat(MOST_BYTES / 3)), None, 0.0);
    }
    assert!((2..=4).contains(&large.entries.len()));
    assert!(large.step(-1).is_some());
}

#[test]
fn the_browser_leads_to_what_is_known_and_teaches_what_is_not() {
    let mut history = clicked(&["a", "b", "c"]);
    assert_eq!(history.visit(0, 0).as_ref().map(text), Some("a"));
    assert!(history.leads_on());
    // From before the page was opened anew.
    let mut later = History::new(of("c"), 7, Some(5));
    assert_eq!(later.visit(6, 4), None);
    later.learn(6, 4, of("b"));
    assert_eq!(text(&later.now().experiment), "b");
    assert_eq!(step(&mut later, 1).as_deref(), Some("c"));
    assert_eq!(later.now().place, Some(5));
    assert_eq!(later.end(), 6);
    // A change there is after all that was.
    later.take(&of("d"), None, 0.0);
    assert_eq!(later.now().number, 8);
    later.put(6);
    later.step(-1);
    later.put(2);
    later.step(1);
    assert_eq!(later.now().place, None, "given up by the browser");
}

#[test]
fn it_survives_a_reload_as_far_as_it_was_written() {
    let mut history = clicked(&["a", "b", "c", "d"]);
    history.step(-1);
    let written = history.write(link::encode, 1_000_000);
    let read = |link: &str| link::decode(link).ok().flatten();
    let mut again = History::new(of("c"), 2, Some(2));
    again.read(&written, read);
    assert_eq!(step(&mut again, 1).as_deref(), Some("d"));
    for expected in ["c", "b", "a"] {
        assert_eq!(step(&mut again, -1).as_deref(), Some(expected));
    }
    // No more than there is room for; the nearest are kept.
    let two = written.lines().take(2).map(|l| l.len() + 1).sum();
    let short = history.write(link::encode, two);
    assert_eq!(short.lines().count(), 2);
    // Whatever is found there.
    let mut odd = History::new(of("c"), 2, Some(2));
    odd.read("x\n1 y z\n-1 0 v1=\n0 0 v1=!\n\n1 1 v2=a", read);
    assert!(odd.across(-1).is_none() && odd.across(1).is_none());
}

//! First names. Each is one GPT-2 token after a space; the `OPENERS` are one
//! token without a space too, so only they begin a text.

use rand::Rng as _;

use crate::texts::{Rng, hash_of, pick};

pub const MEN: &[&str] = &[
    "John", "Bob", "Tom", "James", "Michael", "David", "Robert", "William", "Richard", "Charles",
    "Joseph", "Thomas", "Daniel", "Matthew", "Anthony", "Mark", "Paul", "Steven", "Andrew",
    "Kenneth", "George", "Joshua", "Kevin", "Brian", "Edward", "Timothy", "Jason", "Ryan", "Jacob",
    "Gary", "Nicholas", "Eric", "Stephen", "Larry", "Justin", "Scott", "Brandon", "Benjamin",
    "Frank", "Patrick", "Jack", "Jerry", "Adam", "Henry", "Peter", "Nathan", "Kyle", "Roger",
    "Carl", "Arthur", "Simon", "Fred", "Martin", "Luke", "Tim", "Jim", "Mike", "Harry", "Oliver",
    "Victor",
];

pub const WOMEN: &[&str] = &[
    "Mary",
    "Alice",
    "Sarah",
    "Emily",
    "Patricia",
    "Jennifer",
    "Linda",
    "Elizabeth",
    "Barbara",
    "Susan",
    "Jessica",
    "Karen",
    "Nancy",
    "Lisa",
    "Margaret",
    "Betty",
    "Sandra",
    "Dorothy",
    "Donna",
    "Michelle",
    "Amanda",
    "Melissa",
    "Stephanie",
    "Rebecca",
    "Laura",
    "Sharon",
    "Helen",
    "Amy",
    "Shirley",
    "Angela",
    "Anna",
    "Ruth",
    "Brenda",
    "Pamela",
    "Nicole",
    "Katherine",
    "Samantha",
    "Rachel",
    "Emma",
    "Maria",
    "Heather",
    "Diane",
    "Julie",
    "Victoria",
    "Olivia",
    "Martha",
    "Andrea",
    "Hannah",
    "Ann",
    "Gloria",
    "Sara",
    "Julia",
    "Judy",
    "Diana",
    "Jane",
    "Kate",
    "Lucy",
    "Sophie",
    "Claire",
    "Molly",
];

/// Names that are one token at the start of a text as well.
pub const OPENERS: &[&str] = &[
    "John",
    "Bob",
    "Tom",
    "James",
    "Michael",
    "David",
    "Robert",
    "William",
    "Richard",
    "Charles",
    "Joseph",
    "Thomas",
    "Daniel",
    "Matthew",
    "Anthony",
    "Mark",
    "Paul",
    "Steven",
    "Andrew",
    "George",
    "Joshua",
    "Kevin",
    "Brian",
    "Edward",
    "Jason",
    "Ryan",
    "Jacob",
    "Gary",
    "Eric",
    "Stephen",
    "Larry",
    "Justin",
    "Scott",
    "Brandon",
    "Frank",
    "Patrick",
    "Jack",
    "Jerry",
    "Adam",
    "Henry",
    "Peter",
    "Kyle",
    "Roger",
    "Carl",
    "Arthur",
    "Simon",
    "Fred",
    "Martin",
    "Luke",
    "Tim",
    "Jim",
    "Mike",
    "Harry",
    "Mary",
    "Alice",
    "Sarah",
    "Emily",
    "Jennifer",
    "Elizabeth",
    "Susan",
    "Jessica",
    "Lisa",
    "Michelle",
    "Laura",
    "Amy",
    "Anna",
    "Rachel",
    "Maria",
    "Victoria",
    "Ann",
    "Jane",
    "Kate",
];

pub fn is_man(name: &str) -> bool {
    MEN.contains(&name)
}

/// Any name, men's and women's equally often.
pub fn any(rng: &mut Rng) -> &'static str {
    let names = if rng.random_bool(0.5) { MEN } else { WOMEN };
    pick(rng, names)
}

/// A name that can begin a text, men's and women's equally often.
pub fn opener(rng: &mut Rng) -> &'static str {
    let man = rng.random_bool(0.5);
    loop {
        let name = pick(rng, OPENERS);
        if is_man(name) == man {
            return name;
        }
    }
}

/// Whether two names, in either order, are kept out of every training text in
/// which one of them receives something: about one pair in eight.
pub fn held_out_pair(a: &str, b: &str) -> bool {
    let (first, second) = if a < b { (a, b) } else { (b, a) };
    hash_of(&[first, second]).is_multiple_of(8)
}

/// Two different names whose pair is held out, or is not.
pub fn pair(rng: &mut Rng, held_out: bool) -> (&'static str, &'static str) {
    loop {
        let (a, b) = (any(rng), any(rng));
        if a != b && held_out_pair(a, b) == held_out {
            return (a, b);
        }
    }
}

/// Three different names, all of whose pairs are held out, or none.
pub fn three(rng: &mut Rng, held_out: bool) -> (&'static str, &'static str, &'static str) {
    loop {
        let (a, b) = pair(rng, held_out);
        let c = any(rng);
        let apart = |x: &str| x != c && held_out_pair(x, c) == held_out;
        if apart(a) && apart(b) {
            return (a, b, c);
        }
    }
}

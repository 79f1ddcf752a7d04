//! Each kind of piece, from files in memory and from a checkout.

use proptest::prelude::*;

use super::*;
use crate::diff::complete::from_contents;
use crate::diff::{Content, RepoPath, Status, pack};

/// A file: its path, and its text before and after.
type Row<'a> = (&'a str, Option<&'a str>, Option<&'a str>);

struct Memory {
    rows: Vec<(String, Option<Bytes>, Option<Bytes>)>,
    index: Index,
}

impl Memory {
    fn side(&self, file: &FileDiff, new: bool) -> Option<Bytes> {
        let path = file.path().display();
        let row = self.rows.iter().find(|row| row.0 == path)?;
        if new { row.2.clone() } else { row.1.clone() }
    }
}

impl Sources for Memory {
    fn head(&self, file: &FileDiff) -> Option<Bytes> {
        self.side(file, true)
    }

    fn base(&self, file: &FileDiff) -> Option<Bytes> {
        self.side(file, false)
    }

    fn index(&self) -> &Index {
        &self.index
    }
}

fn bytes(text: Option<&str>) -> Option<Bytes> {
    text.map(|text| Bytes::copy_from_slice(text.as_bytes()))
}

fn change(rows: &[Row<'_>]) -> Change {
    let file = |(path, old, new): &Row<'_>| {
        let (status, old_path, new_path) = match (old, new) {
            (None, _) => (Status::Added, None, Some(RepoPath::from(*path))),
            (_, None) => (Status::Deleted, Some(RepoPath::from(*path)), None),
            _ => (Status::Modified, Some(RepoPath::from(*path)), Some(RepoPath::from(*path))),
        };
        let content = from_contents(old.map(str::as_bytes), new.map(str::as_bytes), 3);
        FileDiff { old_path, new_path, status, old_mode: None, new_mode: None, content }
    };
    let files = rows.iter().filter(|(_, old, new)| old != new).map(file);
    Change { files: files.collect() }
}

fn gather(rows: &[Row<'_>], budget: usize) -> Around {
    let change = change(rows);
    let memory = Memory {
        rows: rows.iter().map(|row| (row.0.to_owned(), bytes(row.1), bytes(row.2))).collect(),
        index: Index::of_files(
            rows.iter().filter_map(|row| Some((row.0.to_owned(), bytes(row.2)?))).collect(),
        ),
    };
    let heads = |file: &FileDiff| memory.head(file);
    let skips = vec![None; change.files.len()];
    let plan = pack::pack(&change, &skips, &|_, _| true, &heads, pack::DEFAULT_BUDGET);
    let found = around(&plan.packs[0], &change, &memory, budget);
    assert_eq!(around(&plan.packs[0], &change, &memory, budget), found, "it is deterministic");
    assert!(found.render().len() <= budget);
    found
}

/// Each piece's header is what is expected.
fn check(rows: &[Row<'_>], expect: &[&str]) {
    let found = gather(rows, 20_000);
    let headers: Vec<String> = found.pieces.iter().map(Piece::header).collect();
    assert_eq!(headers, expect, "{}", found.render());
}

/// A file that does not change.
fn same<'a>(path: &'a str, text: &'a str) -> Row<'a> {
    (path, Some(text), Some(text))
}

const STORE: &str = "package store

// Store keeps values.
type Store struct{ values map[string]string }

// Get gives a value.
func (s *Store) Get(key string) string {
	return s.values[key]
}

func Open(path string) *Store {
	return &Store{}
}
";

#[test]
fn callers_of_a_changed_signature_are_those_of_its_type() {
    let new = STORE.replace("Get(key string) string", "Get(key, fallback string) string");
    check(
        &[
            ("store/store.go", Some(STORE), Some(&new)),
            same(
                "api/api.go",
                "package api

import \"x/store\"

// handle calls Get on a string: \"s.Get(\".
func handle(s *store.Store) string {
	return s.Get(\"a\")
}

func other(c *http.Client) {
	c.Get(\"http://x\") // c.Get(y)
}

func (c *cache) warm(s *store.Store) {
	c.Get(\"a\")
}
",
            ),
            same(
                "api/interface.go",
                "package api

type Getter interface {
	// Get gives.
	Get(key string) string
}

type cache struct{}

func (c *cache) Get(key string) string { return \"\" }
",
            ),
            same(
                "store/store_test.go",
                "package store

import \"testing\"

func TestStoreGet(t *testing.T) {
	s := Open(\"x\")
	s.Get(\"a\")
	var store Store
	store.Get(\"b\")
}
",
            ),
        ],
        &[
            "api/api.go:6-8 (uses Store.Get, whose signature changes)",
            "api/interface.go:3-5 (declares Store.Get, whose signature changes)",
            "store/store_test.go:5-10 (tests Store.Get, whose signature changes)",
        ],
    );
}

#[test]
fn what_is_removed_and_still_referred_to_is_told() {
    let old = "def load(path):\n    return open(path)\n\n\ndef save_all(items):\n    for item in items:\n        item.save()\n";
    let user = "from app.store import save_all\n\n\ndef run(items):\n    # save_all is called below\n    save_all(items)\n";
    let new = "def load(path):\n    return open(path)\n";
    check(
        &[("app/store.py", Some(old), Some(new)), same("app/run.py", user)],
        &[
            "app/run.py:1-3 (still refers to save_all, which this change removes)",
            "app/run.py:4-6 (still refers to save_all, which this change removes)",
        ],
    );
    // It was moved to a file of the same folder: nothing dangles.
    let moved = "def save_all(items):\n    for item in items:\n        item.save()\n";
    check(
        &[
            ("app/store.py", Some(old), Some(new)),
            ("app/other.py", None, Some(moved)),
            same("app/run.py", user),
        ],
        &[],
    );
}

#[test]
fn definitions_behind_added_calls_are_shown() {
    let util = "/// Holds a value within bounds.
pub fn clamp_to(value: i64, low: i64, high: i64) -> i64 {
    value.max(low).min(high)
}

pub struct Meter { pub value: i64 }

impl Meter {
    /// Adds.
    pub fn record(&mut self, by: i64) {
        self.value += by;
    }
}

pub struct Other;

impl Other {
    pub fn record(&mut self, by: i64) {}
}
";
    check(
        &[
            (
                "src/main.rs",
                Some("fn run(meter: &mut Meter, x: i64) {\n    let y = x;\n}\n"),
                Some(
                    "fn run(meter: &mut Meter, x: i64) {\n    let y = util::clamp_to(x, 0, 9);\n    meter.record(y);\n    println!(\"{y}\");\n}\n",
                ),
            ),
            same("src/util.rs", util),
        ],
        &[
            "src/util.rs:1-4 (definition of clamp_to)",
            "src/util.rs:9-12 (definition of Meter::record)",
        ],
    );
}

#[test]
fn other_languages_tell_their_callers() {
    for (path, old, user_path, user, expect) in [
        (
            "web/cart.ts",
            "export class Cart {\n  total(items: Item[]): number {\n    return 0;\n  }\n}\n",
            "web/page.tsx",
            "import { Cart } from './cart';\n\nexport const Page = ({ cart }: { cart: Cart }) => {\n  return <b>{cart.total(items)}</b>;\n};\n",
            "web/page.tsx:3-5 (uses Cart.total, whose signature changes)",
        ),
        (
            "src/main/java/Users.java",
            "class Users {\n    int total(Item[] items) {\n        return 0;\n    }\n}\n",
            "src/main/java/Page.java",
            "class Page {\n    private Users users;\n\n    void show() {\n        users.total(all);\n    }\n}\n",
            "src/main/java/Page.java:4-6 (uses Users.total, whose signature changes)",
        ),
        (
            "lib/cart.rb",
            "class Cart\n  def total(items)\n    0\n  end\nend\n",
            "lib/page.rb",
            "class Page\n  def show(cart)\n    cart.total(all)\n  end\nend\n",
            "lib/page.rb:2-4 (uses Cart::total, whose signature changes)",
        ),
        (
            "src/Cart.php",
            "<?php\nclass Cart {\n    function total(array $items): int {\n        return 0;\n    }\n}\n",
            "src/Page.php",
            "<?php\nfunction show(Cart $cart) {\n    return $cart->total([]);\n}\n",
            "src/Page.php:2-4 (uses Cart::total, whose signature changes)",
        ),
        (
            "src/cart.c",
            "int total(struct item *items)\n{\n    return 0;\n}\n",
            "src/page.c",
            "void show(void)\n{\n    printf(\"%d total(\", total(all));\n}\n",
            "src/page.c:1-4 (uses total, whose signature changes)",
        ),
    ] {
        let new = [
            ("items: Item[])", "items: Item[], more: number)"),
            ("$items)", "$items, int $more)"),
            ("items)", "items, int more)"),
        ]
        .into_iter()
        .find_map(|(from, to)| old.contains(from).then(|| old.replacen(from, to, 1)))
        .expect("a parameter");
        assert_ne!(old, new, "{path}");
        check(&[(path, Some(old), Some(&new)), same(user_path, user)], &[expect]);
    }
}

#[test]
fn a_function_rewritten_in_bits_is_shown_as_it_was() {
    let old: String = (0..12).map(|n| format!("    step_{n}(state)\n")).collect();
    let new: String = (0..12)
        .map(|n| {
            if n % 3 == 0 {
                format!("    step_{n}(state)\n")
            } else {
                format!("    other_{n}(state)\n")
            }
        })
        .collect();
    let (old, new) = (format!("def run(state):\n{old}"), format!("def run(state):\n{new}"));
    check(&[("app/run.py", Some(&old), Some(&new))], &["app/run.py:1-13 (run before this change)"]);
}

#[test]
fn what_the_pack_shows_is_not_shown_again() {
    let old = "package a\n\nfunc small(x int) int {\n\treturn x\n}\nfunc user() int { return small(1) }\n";
    let new = old.replace("small(x int)", "small(x int64)");
    check(&[("a/a.go", Some(old), Some(&new))], &[]);
}

#[test]
fn what_is_said_about_code_changes_nothing() {
    let old = "def run(state):\n    # Does.\n    return state\n";
    let user = "from app.run import run\n\n\ndef go():\n    run(1)\n";
    let said = old.replace("Does.", "Does much.");
    check(&[("app/run.py", Some(old), Some(&said)), same("app/go.py", user)], &[]);
    let done = old.replace("return state", "return [state]");
    check(
        &[("app/run.py", Some(old), Some(&done)), same("app/go.py", user)],
        &["app/go.py:4-5 (uses run)"],
    );
}

#[test]
fn constants_are_followed_into_files_that_name_theirs() {
    let (old, new) = (
        "const limit = 3;\nmodule.exports = { limit };\n",
        "const limit = 4;\nmodule.exports = { limit };\n",
    );
    check(
        &[
            ("lib/bounds.js", Some(old), Some(new)),
            same(
                "lib/a.js",
                "const { limit } = require('./bounds');\n\nfunction f() {\n  return limit;\n}\n",
            ),
            same("lib/b.js", "const limit = 9;\n\nfunction f() {\n  return limit;\n}\n"),
        ],
        &["lib/a.js:3-5 (uses limit)"],
    );
}

#[test]
fn the_best_comes_first_where_room_is_short() {
    let new = STORE.replace("func Open(path string)", "func Open(path string, wait bool)");
    let callers: Vec<(String, String)> = (0..9)
        .map(|n| {
            let text = format!(
                "package cmd{n}\n\nimport \"x/store\"\n\nfunc run() {{\n\tstore.Open(\"x\")\n}}\n"
            );
            (format!("cmd{n}/main.go"), text)
        })
        .collect();
    let mut rows = vec![("store/store.go", Some(STORE), Some(new.as_str()))];
    rows.extend(callers.iter().map(|(path, text)| same(path, text)));
    let all = gather(&rows, 20_000);
    assert_eq!(all.pieces.len(), 6, "{}", all.render());
    let some = gather(&rows, 400);
    assert!((1..4).contains(&some.pieces.len()) && some.left_out > 0, "{some:?}");
    assert!(
        some.render().starts_with(
            "cmd0/main.go:5-7 (uses Open, whose signature changes)\n5 : func run() {\n6 : \tstore.Open(\"x\")\n7 : }\n"
        ),
        "{}",
        some.render()
    );
    assert_eq!(gather(&rows, 0), Around::default());
}

#[test]
fn a_checkout_is_read_without_what_it_ignores() {
    let folder = tempfile::tempdir().expect("a folder");
    let write = |path: &str, text: &str| {
        let path = folder.path().join(path);
        std::fs::create_dir_all(path.parent().expect("a parent")).expect("a folder");
        std::fs::write(path, text).expect("a file");
    };
    let new = STORE.replace("func Open(path string)", "func Open(path string, wait bool)");
    let user = "package api\n\nimport \"x/store\"\n\nfunc run() {\n\tstore.Open(\"x\")\n}\n";
    write("store/store.go", &new);
    write("api/api.go", user);
    write("out/api.go", user);
    write("vendor/api/api.go", user);
    write("gen/api.go", &format!("// Code generated by x. DO NOT EDIT.\n{user}"));
    write(".gitignore", "out/\n");
    write("README.md", "store.Open(\n");
    let change = change(&[("store/store.go", Some(STORE), Some(&new))]);
    let checkout = Checkout::new(folder.path()).expect("a folder");
    let contents = Contents::new(Some(&checkout), None, None);
    let sources = CheckoutSources::new(&change, &contents, Some(&checkout));
    let plan = pack::pack(&change, &[None], &|_, _| true, &|_| None, pack::DEFAULT_BUDGET);
    let found = around(&plan.packs[0], &change, &sources, 10_000);
    let headers: Vec<String> = found.pieces.iter().map(Piece::header).collect();
    assert_eq!(headers, ["api/api.go:5-7 (uses Open, whose signature changes)"]);
    assert_eq!(sources.index().len(), 2);
}

#[test]
fn very_large_changes_go_without() {
    let large = "x\n".repeat(MOST_CHANGED_LINES + 1);
    let change = change(&[("a.py", None, Some(&large))]);
    assert!(matches!(change.files[0].content, Content::Text(_)));
    let plan = pack::pack(&change, &[None], &|_, _| true, &|_| None, pack::DEFAULT_BUDGET);
    let memory = Memory { rows: Vec::new(), index: Index::default() };
    assert_eq!(around(&plan.packs[0], &change, &memory, 10_000), Around::default());
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(40))]

    #[test]
    fn any_texts_are_borne(
        words in proptest::collection::vec(
            proptest::sample::select(vec![
                "def a(", "x):\n", "    ", "b(1)\n", "class C:\n", "fn a() {\n", "}\n", "\n", "a.b()",
                "func (c *C) a() {\n", "package p\n", "C.a(", "\"", "é", "\r\n", "self.a()\n",
            ]),
            0..60,
        ),
        cut in 0_usize..40,
        budget in 0_usize..3_000,
    ) {
        let new = words.concat();
        let old = words.iter().skip(cut).copied().collect::<String>();
        for ending in ["py", "rs", "go"] {
            let (one, two) = (format!("p/one.{ending}"), format!("p/two.{ending}"));
            let rows = [(one.as_str(), Some(old.as_str()), Some(new.as_str())), same(&two, &new)];
            if old != new {
                gather(&rows, budget);
            }
        }
    }
}

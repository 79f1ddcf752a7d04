//! Definitions, language by language.

use proptest::prelude::*;

use super::*;
use crate::code::calls::calls;
use crate::code::parse::parse;

/// Each definition as `Kind qualified first-last, signature first-last`, then
/// ` test`, ` no body`, ` : supers` where they apply.
fn check(language: Language, source: &str, expect: &[&str]) {
    let source = source.strip_prefix('\n').unwrap_or(source);
    let parsed = parse(language, source.as_bytes()).expect("it is short");
    let found: Vec<String> = definitions(&parsed)
        .iter()
        .map(|one| {
            let range = |range: &Range<u32>| match range.end - range.start {
                1 => range.start.to_string(),
                _ => format!("{}-{}", range.start, range.end - 1),
            };
            let mut text = format!(
                "{:?} {} {}, {}",
                one.kind,
                one.qualified(language),
                range(&one.lines),
                range(&one.signature)
            );
            if one.is_test {
                text.push_str(" test");
            }
            if one.is_callable() && !one.has_body && !one.is_test {
                text.push_str(" no body");
            }
            if !one.supers.is_empty() {
                text.push_str(" : ");
                text.push_str(&one.supers.join(" "));
            }
            text
        })
        .collect();
    assert_eq!(found, expect, "{language:?}:\n{source}");
}

#[test]
fn rust_has_impls_traits_attributes_and_modules() {
    check(
        Language::Rust,
        r#"
/// A head.
#[derive(Debug)]
pub struct Head<T> {
    inner: T,
}

pub trait Append: Send {
    fn append(&mut self, value: f64) -> bool;
    fn close(&mut self) {}
}

impl<T: Clone> Append for Head<T> {
    fn append(
        &mut self,
        value: f64,
    ) -> bool {
        fn inner() {}
        true
    }
}

impl fmt::Display for &super::Head<u8> {}

const LIMIT: usize = 3;

macro_rules! twice { ($x:expr) => { $x }; }

#[cfg(test)]
mod tests {
    #[test]
    fn it_appends() {}

    #[tokio::test(flavor = "multi_thread")]
    async fn it_waits() {}

    fn helper() {}
}
"#,
        &[
            "Type Head 1-5, 3",
            "Interface Append 7-10, 7 : Send",
            "Method Append::append 8, 8 no body",
            "Method Append::close 9, 9",
            "Impl Head 12-20, 12 : Append",
            "Method Head::append 13-19, 13-16",
            "Function Head::inner 17, 17",
            "Impl Head 22, 22 : Display",
            "Constant LIMIT 24, 24",
            "Function twice 26, 26 no body",
            "Module tests 28-37, 29",
            "Function tests::it_appends 30-31, 31 test",
            "Function tests::it_waits 33-34, 34 test",
            "Function tests::helper 36, 36",
        ],
    );
}

#[test]
fn python_has_decorators_and_nested_classes() {
    check(
        Language::Python,
        r#"
LIMIT = 3

class Store(Base[int], abc.ABC, metaclass=Meta):
    """Keeps."""

    class Inner:
        def get(self):
            return 1

    @property
    @cached
    def size(
        self,
    ) -> int:
        return 2

@app.get("/x")
async def handler(request): return 1

class TestStore:
    def test_get(self):
        def inner(): pass

def test_size(): pass
"#,
        &[
            "Constant LIMIT 1, 1",
            "Type Store 3-15, 3 : Base ABC Meta",
            "Type Store.Inner 6-8, 6",
            "Method Store.Inner.get 7-8, 7",
            "Method Store.size 10-15, 10-14",
            "Function handler 17-18, 17-18",
            "Type TestStore 20-22, 20",
            "Method TestStore.test_get 21-22, 21 test",
            "Function TestStore.inner 22, 22",
            "Function test_size 24, 24 test",
        ],
    );
}

#[test]
fn go_has_receivers_interfaces_and_groups() {
    check(
        Language::Go,
        r#"
package tsdb

// Appender appends.
type Appender interface {
	io.Closer
	Append(ref uint64, v float64) error
}

type (
	Head struct {
		mu sync.Mutex
	}
	Ref = uint64
	List[T any] []T
)

const limit = 3

var (
	errX = errors.New("x")
)

// Append adds.
func (h *Head) Append(
	ref uint64,
	v float64,
) error {
	f := func() {}
	var local int
	return nil
}

func (l List[T]) Len() int { return len(l) }

func newHead() *Head {
	return &Head{}
}

func TestHead(t *testing.T) {}
func Testify(t *testing.T) {}
func BenchmarkHead(b *testing.B) {}
"#,
        &[
            "Interface Appender 3-7, 4",
            "Method Appender.Append 6, 6 no body",
            "Type Head 10-12, 10",
            "Type Ref 13, 13",
            "Type List 14, 14",
            "Constant limit 17, 17",
            "Constant errX 20, 20",
            "Method Head.Append 23-31, 24-27",
            "Method List.Len 33, 33",
            "Function newHead 35-37, 35",
            "Function TestHead 39, 39 test",
            "Function Testify 40, 40",
            "Function BenchmarkHead 41, 41 test",
        ],
    );
}

#[test]
fn java_has_generics_records_and_annotations() {
    check(
        Language::Java,
        r#"
package a;

/** Doc. */
@Service
public class Users<T extends Comparable<T>> extends Base<T> implements Store, java.io.Closeable {
    private final int size = 1;

    public Users(int size) { }

    @Override
    public <R> R find(
        String name
    ) throws IOException {
        return null;
    }

    enum Mode implements Named { A, B }

    record Pair(int a, int b) { }
}

interface Store extends Base {
    void put(String key);
    default int size() { return 0; }
}

class UsersTest {
    @Test
    void finds() { }

    @Nested class Inner {
        @Test
        @Tags({
            @Tag("a") })
        void holds() { }
    }
}
"#,
        &[
            "Type Users 3-20, 4-5 : Base Store Closeable",
            "Method Users.Users 8, 8",
            "Method Users.find 10-15, 10-13",
            "Type Users.Mode 17, 17 : Named",
            "Type Users.Pair 19, 19",
            "Interface Store 22-25, 22 : Base",
            "Method Store.put 23, 23 no body",
            "Method Store.size 24, 24",
            "Type UsersTest 27-37, 27",
            "Method UsersTest.finds 28-29, 28-29 test",
            "Type UsersTest.Inner 31-36, 31",
            "Method UsersTest.Inner.holds 32-35, 32-35 test",
        ],
    );
}

const SCRIPT: &str = r#"
export const LIMIT = 3;

export function load(url, { retries = 1 } = {}) {
  return fetch(url);
}

const save = async (item) => {
  await put(item);
};

export class Cart extends Base {
  #secret() {}
  add(item) {
    this.items.push(item);
  }
  static of() { return new Cart(); }
}

module.exports.run = function () {};

describe("cart", () => {
  it('adds "one"', () => {
    const cart = new Cart();
  });
  test.each([1])("skipped", () => {});
});
"#;

#[test]
fn javascript_has_arrow_functions_classes_and_spoken_tests() {
    check(
        Language::JavaScript,
        SCRIPT,
        &[
            "Constant LIMIT 1, 1",
            "Function load 3-5, 3",
            "Function save 7-9, 7",
            "Type Cart 11-17, 11 : Base",
            "Method Cart.#secret 12, 12",
            "Method Cart.add 13-15, 13",
            "Method Cart.of 16, 16",
            "Function run 19, 19",
            "Module cart 21-26, 21",
            "Function cart.adds \"one\" 22-24, 22 test",
        ],
    );
}

#[test]
fn typescript_adds_types() {
    check(
        Language::TypeScript,
        r#"
export interface Store<T> extends Base {
  get(key: string): T;
  size: number;
}
export type Id = string | number;
enum Color { Red }
export abstract class Cart<T> extends Base<T> implements Store<T>, Other {
  private load = async (id: Id): Promise<void> => {
    await go(id);
  };
  abstract total(): number;
  constructor(private readonly store: Store<T>) { super(); }
  get<K extends keyof T>(
    key: K,
  ): T[K] {
    return <T[K]>this.x;
  }
}
function over(a: string): void;
function over(a: any) {}
"#,
        &[
            "Interface Store 1-4, 1 : Base",
            "Method Store.get 2, 2 no body",
            "Type Id 5, 5",
            "Type Color 6, 6",
            "Type Cart 7-18, 7 : Base Store Other",
            "Method Cart.load 8-10, 8",
            "Method Cart.total 11, 11 no body",
            "Method Cart.constructor 12, 12",
            "Method Cart.get 13-17, 13-15",
            "Function over 19, 19 no body",
            "Function over 20, 20",
        ],
    );
    check(
        Language::Tsx,
        "export const App: FC<Props> = ({ a }) => {\n  return <Item a={a} />;\n};\n\
         const Memo = React.memo(() => <b/>);\n",
        &["Function App 1-3, 1", "Function Memo 4, 4"],
    );
}

#[test]
fn c_has_functions_structs_and_macros() {
    check(
        Language::C,
        r#"
#include <x.h>
#define LIMIT 3
#define MAX(a, b) ((a) > (b) ? (a) : (b))

struct node { int x; };
typedef struct { int y; } other_t;

int lookup(const char *key);

/* Finds. */
static struct node *find(
    struct node *from,
    int x)
{
    return lookup("a") ? from : 0;
}
"#,
        &[
            "Constant LIMIT 2, 2",
            "Function MAX 3, 3 no body",
            "Type node 5, 5",
            "Type other_t 6, 6",
            "Function lookup 8, 8 no body",
            "Function find 10-16, 11-13",
        ],
    );
}

#[test]
fn ruby_has_modules_singletons_and_specs() {
    check(
        Language::Ruby,
        r#"
module Admin
  LIMIT = 3
  # A user.
  class User < Base::Record
    def self.find(id)
      new(id)
    end

    def save!
      true
    end
  end
end

RSpec.describe Admin::User do
  context "when new" do
    it "saves" do
      expect(user.save!).to be(true)
    end
  end
end

class UserTest < Minitest::Test
  def test_saves
  end
end
"#,
        &[
            "Module Admin 1-13, 1",
            "Constant Admin::LIMIT 2, 2",
            "Type Admin::User 3-12, 4 : Record",
            "Method Admin::User::find 5-7, 5",
            "Method Admin::User::save! 9-11, 9",
            "Module Admin::User 15-21, 15",
            "Module Admin::User::when new 16-20, 16",
            "Function Admin::User::when new::saves 17-19, 17 test",
            "Type UserTest 23-26, 23 : Test",
            "Method UserTest::test_saves 24-25, 24-25 test",
        ],
    );
}

#[test]
fn php_has_traits_interfaces_and_tests() {
    check(
        Language::Php,
        r#"
<html><?php
namespace App;

interface Store extends Base { public function get(string $key): ?string; }

#[Attribute]
final class Users extends \Base\Model implements Store, Other
{
    public function get(string $key): ?string
    {
        return null;
    }
}

function helper(int $x) { return $x; }

class UsersTest extends TestCase {
    public function testGet(): void {}
    /** @test */
    public function it_gets(): void {}
}
"#,
        &[
            "Interface Store 4, 4 : Base",
            "Method Store::get 4, 4 no body",
            "Type Users 6-13, 6-7 : Model Store Other",
            "Method Users::get 9-12, 9",
            "Function helper 15, 15",
            "Type UsersTest 17-21, 17 : TestCase",
            "Method UsersTest::testGet 18, 18 test",
            "Method UsersTest::it_gets 19-20, 20 test",
        ],
    );
}

#[test]
fn what_is_broken_still_tells_the_rest() {
    check(
        Language::Go,
        "package a\nfunc broken( {\n}\n\nfunc Whole(x int) int {\n\treturn x\n}\n",
        &["Function broken 2-3, 2", "Function Whole 5-7, 5"],
    );
    check(
        Language::Rust,
        "fn one() {}\n=======\nfn two() {}\n>>>>>>> x\n",
        &["Function one 1, 1", "Function two 3, 3"],
    );
}

#[test]
fn depth_and_length_are_borne() {
    for (language, open) in [
        (Language::Rust, "fn a() {"),
        (Language::JavaScript, "((((["),
        (Language::Python, "f(["),
        (Language::C, "int a() {{{{"),
        (Language::Go, "package a\nfunc a() {"),
    ] {
        let deep = open.repeat(4_000);
        if let Some(parsed) = parse(language, deep.as_bytes()) {
            let found = definitions(&parsed);
            assert!(found.len() <= 4_000);
            calls(&parsed, 1..u32::MAX);
        }
    }
    assert!(parse(Language::C, &vec![b' '; crate::code::parse::MOST_BYTES + 1]).is_none());
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(48))]

    #[test]
    fn any_bytes_give_definitions_that_lie_in_the_text(
        bytes in proptest::collection::vec(any::<u8>(), 0..400),
        words in proptest::collection::vec(
            proptest::sample::select(vec![
                "fn ", "func ", "def ", "class ", "(", ")", "{", "}", "\n", "  ", "a", "b.c", ":",
                "\"", "'", "#[test]", "@x", "type ", "=>", ";", "it('x', ", "impl ", "\u{fe}",
            ]),
            0..60,
        ),
    ) {
        let text = [words.concat().into_bytes(), bytes].concat();
        let lines = crate::code::Lines::new(&text).len() as u32 + 1;
        for language in Language::ALL {
            let Some(parsed) = parse(language, &text) else { continue };
            for one in definitions(&parsed) {
                prop_assert!(1 <= one.lines.start && one.lines.start < one.lines.end);
                prop_assert!(one.lines.end <= lines + 1, "{language:?} {one:?}");
                prop_assert!(one.signature.start >= one.lines.start);
                prop_assert!(one.signature.end <= one.lines.end, "{language:?} {one:?}");
                prop_assert!(text.get(one.signature_bytes.clone()).is_some());
            }
            for call in calls(&parsed, 1..lines) {
                prop_assert!(!call.name(&text).is_empty());
                prop_assert!(call.line < lines);
            }
        }
    }
}

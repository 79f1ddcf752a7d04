//! Ordinary good tests: nothing bars them.

use super::*;

/// Whole files; their last tests are looked at.
fn fine(language: Language, sources: &[&str]) {
    for source in sources {
        assert_eq!(faults_of_last(language, source), [""; 0], "{source}");
    }
}

#[test]
fn of_python() {
    fine(
        Language::Python,
        &[
            "def test_a():\n    assert add(1, 2) == 3\n",
            "import pytest\n\n@pytest.mark.parametrize('a, b', [(1, 2), (2, 3)])\ndef test_a(a, b):\n    assert inc(a) == b\n",
            "import pytest\n\ndef test_a():\n    with pytest.raises(ValueError, match='empty'):\n        parse('')\n",
            "def check(a, b):\n    assert parse(a) == b\n\ndef test_a():\n    check('1', 1)\n",
            "import random\n\ndef test_a():\n    rng = random.Random(42)\n    assert shuffle([1, 2], rng) == [2, 1]\n",
            "import numpy as np\n\ndef test_a():\n    rng = np.random.default_rng(7)\n    np.testing.assert_allclose(mean(rng.normal(size=3)), 1.0)\n",
            "from datetime import datetime\n\ndef test_a():\n    assert age(datetime(2020, 1, 1), now=datetime(2021, 1, 1)) == 1\n",
            "from freezegun import freeze_time\nimport time\n\n@freeze_time('2020-01-01')\ndef test_a():\n    assert stamp() == time.time()\n",
            "from unittest import mock\n\ndef test_a():\n    repo = mock.Mock()\n    Service(repo).save(1)\n    repo.insert.assert_called_once_with(1)\n",
            "from unittest.mock import patch\n\n@patch('app.time.sleep')\ndef test_a(mock_sleep):\n    assert retry(3) == 2\n    mock_sleep.assert_called_with(1)\n",
            "def test_a(tmp_path):\n    path = tmp_path / 'a.txt'\n    path.write_text('x')\n    with open(path, 'w') as out:\n        out.write('y')\n    assert load(path) == 'y'\n",
            "def test_a(monkeypatch):\n    monkeypatch.setenv('HOME', '/x')\n    assert home() == '/x'\n",
            "import unittest\n\nclass TestA(unittest.TestCase):\n    def setUp(self):\n        self.cart = Cart()\n\n    def test_a(self):\n        self.cart.add(1)\n        self.assertEqual(self.cart.total(), 1)\n",
            "def test_a():\n    try:\n        parse('')\n    except ValueError as e:\n        assert 'empty' in str(e)\n    else:\n        assert False, 'no error'\n",
            "class TestA(unittest.TestCase):\n    def test_a(self):\n        eq = self.assertEqual\n        eq(add(1, 2), 3)\n",
            "def test_a():\n    expected = [1, 2, 3]\n    assert sort([3, 1, 2]) == expected\n",
            "import asyncio\n\ndef test_a():\n    async def run():\n        await asyncio.sleep(0)\n        return await fetch_all(FakeClient())\n    assert asyncio.run(run()) == [1]\n",
            "def test_a():\n    assert path_of('/usr/bin') == 'bin'\n    assert time('x') == 1\n",
            "import os\n\ndef test_a():\n    assert join('a', 'b') == os.path.join('a', 'b')\n",
        ],
    );
}

#[test]
fn of_rust() {
    fine(
        Language::Rust,
        &[
            "#[test]\nfn a() { assert_eq!(add(1, 2), 3); }\n",
            "#[test]\nfn a() { let list = |x| sorted(x); assert_eq!(list(1), [1]); }\n",
            "#[test]\n#[cfg(unix)]\nfn a() { assert_eq!(add(1, 2), 3); }\n",
            "#[test]\nfn a() -> Result<(), E> { assert!(parse(\"1\")?.is_one()); Ok(()) }\n",
            "#[test]\n#[should_panic(expected = \"empty\")]\nfn a() { parse(\"\"); }\n",
            "fn check(a: &str, b: u8) { assert_eq!(parse(a), b); }\n#[test]\nfn a() { check(\"1\", 1); }\n",
            "use std::time::Duration;\n#[test]\nfn a() { assert_eq!(show(Duration::from_secs(3)), \"3s\"); }\n",
            "#[tokio::test(start_paused = true)]\nasync fn a() { tokio::time::sleep(D).await; assert!(done().await); }\n",
            "use rand::{SeedableRng, rngs::StdRng};\n#[test]\nfn a() { let mut rng = StdRng::seed_from_u64(7); assert_eq!(pick(&mut rng), 3); }\n",
            "#[test]\nfn a() { let dir = tempfile::tempdir().unwrap(); std::fs::write(dir.path().join(\"a\"), \"x\").unwrap(); assert_eq!(load(dir.path()), \"x\"); }\n",
            "#[test]\nfn a() { let r = std::panic::catch_unwind(|| parse(\"\")); assert!(r.is_err()); }\n",
            "use clap::Command;\n#[test]\nfn a() { assert_eq!(help(Command::new(\"x\")), \"x\"); }\n",
            "#[test]\nfn a() { let h = std::thread::spawn(|| { assert_eq!(f(), 1); }); h.join().unwrap(); }\n",
            "proptest! {\n    #[test]\n    fn a(x in 0..9) {\n        prop_assert_eq!(parse(&show(x)), x);\n    }\n}\n",
            "#[test]\nfn a() { let Err(e) = parse(\"\") else { panic!(\"no error\") }; assert_eq!(e.at, 3); }\n",
        ],
    );
}

#[test]
fn of_go() {
    let head = "package a\n\nimport (\n\t\"math/rand\"\n\t\"net/http\"\n\t\"net/http/httptest\"\n\t\"os\"\n\t\"path/filepath\"\n\t\"testing\"\n\t\"time\"\n\t\"github.com/stretchr/testify/require\"\n)\n\n";
    for body in [
        "if got := Add(1, 2); got != 3 {\n\t\tt.Errorf(\"got %d\", got)\n\t}",
        "for _, c := range []struct{ in, want int }{{1, 2}} {\n\t\tt.Run(\"x\", func(t *testing.T) {\n\t\t\tif Inc(c.in) != c.want {\n\t\t\t\tt.Fatal(c)\n\t\t\t}\n\t\t})\n\t}",
        "require.Equal(t, 3, Add(1, 2))",
        "r := rand.New(rand.NewSource(42))\n\trequire.Equal(t, 3, Pick(r))",
        "w := httptest.NewRecorder()\n\tHandle(w, httptest.NewRequest(\"GET\", \"/\", nil))\n\trequire.Equal(t, http.StatusOK, w.Code)",
        "path := filepath.Join(t.TempDir(), \"a\")\n\trequire.NoError(t, os.WriteFile(path, nil, 0o600))\n\trequire.NoError(t, Load(path))",
        "at := time.Date(2020, 1, 1, 0, 0, 0, 0, time.UTC)\n\trequire.Equal(t, at.Add(time.Hour), Next(at))",
        "defer func() {\n\t\tif recover() == nil {\n\t\t\tt.Error(\"no panic\")\n\t\t}\n\t}()\n\tMust(\"\")",
        "check(t, \"1\", 1)",
        "n := 9\n\tif testing.Short() {\n\t\tn = 3\n\t}\n\trequire.Equal(t, n, Count(n))",
        "did := make(chan bool, 1)\n\tfunc() {\n\t\tdefer func() { did <- recover() != nil }()\n\t\tMust(\"\")\n\t}()\n\tif !<-did {\n\t\tt.Error(\"no panic\")\n\t}",
        "t.Setenv(\"HOME\", \"/x\")\n\trequire.Equal(t, \"/x\", Home())",
    ] {
        let helper = "func check(t *testing.T, in string, want int) {\n\tt.Helper()\n\tif Parse(in) != want {\n\t\tt.Error(in)\n\t}\n}\n\n";
        fine(
            Language::Go,
            &[&format!("{head}{helper}func TestA(t *testing.T) {{\n\t{body}\n}}\n")],
        );
    }
}

#[test]
fn of_java() {
    let head = "import static org.junit.jupiter.api.Assertions.*;\nimport java.util.*;\nimport org.junit.jupiter.api.Test;\n\nclass ATest {\n  @Mock Repo repo;\n  void check(int a) { assertEquals(1, a); }\n  ";
    for body in [
        "@Test void a() { assertEquals(3, add(1, 2)); }",
        "@Test void a() { assertThrows(X.class, () -> parse(\"\")); }",
        "@Test void a() { check(add(0, 1)); }",
        "@Test void a() { assertThat(list()).hasSize(2).contains(1); }",
        "@Test void a() { Random r = new Random(42); assertEquals(3, pick(r)); }",
        "@Test void a() { assertEquals(1, age(LocalDate.of(2020, 1, 1), LocalDate.now(clock))); }",
        "@Test void a() { new Service(repo).save(1); verify(repo).insert(1); }",
        "@Test void a() { when(repo.get(1)).thenReturn(2); assertEquals(4, new Service(repo).twice(1)); }",
        "@Test void a() { try { parse(\"\"); fail(\"no error\"); } catch (X e) { assertEquals(\"m\", e.getMessage()); } }",
        "@Test void a(@TempDir Path dir) { Files.writeString(dir.resolve(\"a\"), \"x\"); assertEquals(\"x\", load(dir)); }",
        "@ParameterizedTest @ValueSource(ints = {1, 2}) void a(int x) { assertTrue(isSmall(x)); }",
    ] {
        fine(Language::Java, &[&format!("{head}{body}\n}}\n")]);
    }
}

#[test]
fn of_scripts() {
    let head = "import { add, parse } from './f';\nimport fs from 'fs';\nimport os from 'os';\nimport path from 'path';\nimport axios from 'axios';\nvi.mock('axios');\n\nfunction check(a, b) {\n  expect(parse(a)).toBe(b);\n}\n\n";
    for body in [
        "it('a', () => { expect(add(1, 2)).toBe(3); });",
        "it('a', () => { check('1', 1); });",
        "it('a', () => { expect(() => parse('')).toThrow('empty'); });",
        "it('a', async () => { await expect(load()).rejects.toThrow('x'); });",
        "it('a', async () => { await expect(load()).resolves.toEqual({ a: 1 }); });",
        "it('a', () => { vi.useFakeTimers(); vi.setSystemTime(new Date(2020, 1, 1)); expect(stamp()).toBe(Date.now()); });",
        "it('a', () => { vi.useFakeTimers(); const f = vi.fn(); debounce(f, 50)(); setTimeout(f, 50); vi.advanceTimersByTime(50); expect(f).toHaveBeenCalledTimes(2); });",
        "it('a', () => { const save = vi.fn(); submit({ save }); expect(save).toHaveBeenCalledWith(1); });",
        "it('a', async () => { axios.get.mockResolvedValue({ data: 1 }); expect(await load()).toBe(1); });",
        "it('a', () => { vi.spyOn(Math, 'random').mockReturnValue(0.5); expect(roll()).toBe(Math.random() * 6); });",
        "it('a', () => { const dir = fs.mkdtempSync(path.join(os.tmpdir(), 'x')); fs.writeFileSync(path.join(dir, 'a'), 'x'); expect(load(dir)).toBe('x'); });",
        "it.each([[1, 2]])('inc %s', (a, b) => { expect(inc(a)).toBe(b); });",
        "it('a', () => { try { parse(''); expect.fail('no error'); } catch (e) { expect(e.message).toBe('empty'); } });",
        "it('a', () => { expect(show(new Date('2020-01-01'))).toBe('1'); });",
        "it('a', () => load().then((x) => { expect(x).toBe(1); }));",
        "it('a', () => { process.env.MODE = 'x'; expect(mode()).toBe('x'); });",
        "test('a', (t) => { const expected = { a: 1 }; expect(parse('a=1')).toEqual(expected); });",
    ] {
        fine(Language::TypeScript, &[&format!("{head}{body}\n")]);
    }
    let node = "import test from 'node:test';\nimport assert from 'node:assert/strict';\ntest('a', () => {\n  assert.deepEqual(parse('1'), [1]);\n});\n";
    fine(Language::JavaScript, &[node]);
}

#[test]
fn of_ruby_and_php() {
    fine(
        Language::Ruby,
        &[
            "RSpec.describe Cart do\n  it 'adds' do\n    expect(described_class.new.add(1)).to eq(1)\n  end\nend\n",
            "RSpec.describe Cart do\n  it 'fails' do\n    expect { parse('') }.to raise_error(ArgumentError)\n  end\nend\n",
            "class CartTest < Minitest::Test\n  def test_adds\n    assert_equal 3, add(1, 2)\n  end\nend\n",
        ],
    );
    fine(
        Language::Php,
        &[
            "<?php\nclass ATest extends TestCase {\n    public function testA(): void {\n        $this->assertSame(3, add(1, 2));\n    }\n}\n",
            "<?php\nclass ATest extends TestCase {\n    public function testA(): void {\n        $this->expectException(X::class);\n        parse('');\n    }\n}\n",
        ],
    );
}

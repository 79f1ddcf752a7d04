//! Tests that are not to be trusted.

use super::FaultKind::*;
use super::*;

#[test]
fn of_python() {
    let head = "import asyncio, datetime, os, random, requests, socket, subprocess, sys, time, unittest, uuid\nimport numpy as np\nimport pytest\nfrom contextlib import suppress\nfrom datetime import date\nfrom time import sleep as nap\nfrom unittest.mock import Mock, MagicMock, patch\nfrom cart import f, Cart\n\n";
    check(
        Language::Python,
        (&format!("{head}def test_a(tmp_path):\n    "), "\n"),
        &[
            ("time.sleep(1)\n    assert f() == 1", &[Sleep]),
            ("nap(1)\n    assert f() == 1", &[Sleep]),
            ("asyncio.run(asyncio.sleep(0.1))\n    assert f() == 1", &[Sleep]),
            ("assert requests.get('http://a').ok", &[Network]),
            ("s = socket.socket()\n    assert f(s)", &[Network]),
            ("assert f(time.time()) > 1", &[Clock]),
            ("now = datetime.datetime.now()\n    assert f(now)", &[Clock]),
            ("assert f() == date.today()", &[Clock]),
            ("assert f(random.randint(1, 2))", &[Random]),
            ("random.seed()\n    assert f(random.random())", &[Random]),
            ("assert f(np.random.rand(3))", &[Random]),
            ("assert f(uuid.uuid4())", &[Random]),
            ("pytest.skip('x')\n    assert f()", &[Skip]),
            ("pytest.importorskip('x')\n    assert f()", &[Skip]),
            (
                "try:\n        assert f() == 1\n    except AssertionError:\n        pass",
                &[SwallowsFailure],
            ),
            ("try:\n        assert f() == 1\n    except:\n        print('x')", &[SwallowsFailure]),
            (
                "try:\n        f()\n        pytest.fail('x')\n    except Exception:\n        pass",
                &[SwallowsFailure],
            ),
            (
                "try:\n        assert f() == 1\n    except (ValueError, Exception) as e:\n        print(e)",
                &[SwallowsFailure],
            ),
            ("try:\n        assert f() == 1\n    finally:\n        return", &[SwallowsFailure]),
            ("with suppress(AssertionError):\n        assert f() == 1", &[SwallowsFailure]),
            ("with pytest.raises(AssertionError):\n        assert f() == 1", &[SwallowsFailure]),
            ("f()", &[NoAssertion]),
            ("x = f()\n    print(x)", &[NoAssertion]),
            ("assert True", &[Tautology]),
            ("x = f()\n    assert x == x", &[Tautology]),
            ("assert f() or True", &[Tautology]),
            ("assert (f() == 1, 'm')", &[Tautology]),
            ("assert 1 == 1", &[Tautology]),
            ("f()\n    expected = 3\n    assert expected == 3", &[Tautology]),
            ("assert len(f()) >= 0", &[Tautology]),
            ("with pytest.raises(ValueError):\n        raise ValueError('x')", &[Tautology]),
            ("m = Mock(return_value=3)\n    assert m() == 3", &[MockOnly]),
            ("m = MagicMock()\n    m.f(1)\n    m.f.assert_called_once_with(1)", &[MockOnly]),
            (
                "m = Mock()\n    m.total.return_value = 3\n    c = Cart(m)\n    assert m.total() == 3",
                &[MockOnly],
            ),
            ("with patch('cart.f') as m:\n        m(1)\n    m.assert_called_once()", &[MockOnly]),
            ("assert os.environ['HOME'] == f()", &[Environment]),
            ("assert f(os.getenv('X'))", &[Environment]),
            ("assert f(open('/proc/self/environ').read())", &[Environment, Files]),
            ("assert subprocess.run(['a']).returncode == f()", &[Process]),
            ("os.system('a')\n    assert f()", &[Process]),
            ("assert f()\n    os._exit(0)", &[Process]),
            ("assert f()\n    raise SystemExit(0)", &[Process]),
            ("open('/etc/x', 'w').write('x')\n    assert f()", &[Files]),
            ("open('out.txt', 'w').write('x')\n    assert f()", &[Files]),
        ],
    );
    let class = format!("{head}class TestA(unittest.TestCase):\n    ");
    check(
        Language::Python,
        (&class, "\n"),
        &[
            ("def test_a(self):\n        self.assertTrue(True)", &[Tautology]),
            ("def test_a(self):\n        self.assertEqual('a', 'a')", &[Tautology]),
            (
                "def test_a(self):\n        self.skipTest('x')\n        self.assertEqual(f(), 1)",
                &[Skip],
            ),
            (
                "@unittest.skip('x')\n    def test_a(self):\n        self.assertEqual(f(), 1)",
                &[Skip],
            ),
            (
                "@unittest.expectedFailure\n    def test_a(self):\n        self.assertEqual(f(), 1)",
                &[Skip],
            ),
            (
                "@pytest.mark.skipif(sys.platform == 'x', reason='y')\n    def test_a(self):\n        assert f()",
                &[Skip],
            ),
        ],
    );
}

#[test]
fn of_rust() {
    check(
        Language::Rust,
        (
            "use std::time::{Instant, SystemTime};\nuse rand::Rng;\n\n#[test]\nfn a() {\n    ",
            "\n}\n",
        ),
        &[
            ("std::thread::sleep(D);\n    assert_eq!(f(), 1);", &[Sleep]),
            ("assert!(f(Instant::now()).is_x());", &[Clock]),
            ("let t = SystemTime::now();\n    assert!(f(t));", &[Clock]),
            ("let x: u8 = rand::random();\n    assert!(f(x));", &[Random]),
            ("assert!(f(rand::thread_rng().gen::<u8>()));", &[Random]),
            (
                "let l = std::net::TcpListener::bind(\"127.0.0.1:0\").unwrap();\n    assert!(f(l));",
                &[Network],
            ),
            ("let _ = std::panic::catch_unwind(|| { assert_eq!(f(), 1); });", &[SwallowsFailure]),
            ("std::thread::spawn(|| { assert_eq!(f(), 1); });", &[SwallowsFailure]),
            ("f().unwrap();", &[NoAssertion]),
            ("assert!(true);", &[Tautology]),
            ("assert_eq!(2, 2);", &[Tautology]),
            ("let x = f();\n    assert_eq!(x, x);", &[Tautology]),
            ("f();\n    let x = 3;\n    assert_eq!(x, 3);", &[Tautology]),
            ("assert!(f().is_ok() || true);", &[Tautology]),
            ("let v = f();\n    assert!(v.len() >= 0);", &[Tautology]),
            ("assert!(f(std::env::var(\"X\")));", &[Environment]),
            ("std::process::exit(0);", &[NoAssertion, Process]),
            ("assert!(std::process::Command::new(\"a\").status().is_ok());", &[Process]),
            ("std::fs::write(\"/tmp/x\", f()).unwrap();\n    assert!(f());", &[Files]),
            ("assert!(std::fs::read(\"/proc/self/environ\").is_err());", &[Environment]),
        ],
    );
    check(
        Language::Rust,
        ("", "\n"),
        &[
            ("#[test]\n#[ignore]\nfn a() { assert_eq!(f(), 1); }", &[Skip]),
            ("#[test]\n#[cfg(any())]\nfn a() { assert_eq!(f(), 1); }", &[Skip]),
            ("#[test]\n#[should_panic]\nfn a() { panic!(\"x\"); }", &[Tautology]),
        ],
    );
}

#[test]
fn of_go() {
    check(
        Language::Go,
        (
            "package a\n\nimport (\n\t\"math/rand\"\n\t\"net\"\n\t\"net/http/httptest\"\n\t\"os\"\n\t\"os/exec\"\n\t\"testing\"\n\t\"time\"\n\t\"github.com/stretchr/testify/assert\"\n)\n\nfunc TestA(t *testing.T) {\n\t",
            "\n}\n",
        ),
        &[
            ("time.Sleep(1)\n\tassert.Equal(t, 1, f())", &[Sleep]),
            ("<-time.After(1)\n\tassert.Equal(t, 1, f())", &[Sleep]),
            ("assert.Equal(t, time.Now(), f())", &[Clock]),
            ("assert.True(t, f(rand.Intn(3)))", &[Random]),
            ("c, _ := net.Dial(\"tcp\", \"a\")\n\tassert.True(t, f(c))", &[Network]),
            ("s := httptest.NewServer(nil)\n\tassert.True(t, f(s))", &[Network]),
            ("t.Skip(\"x\")\n\tassert.True(t, f())", &[Skip]),
            ("if testing.Short() {\n\t\treturn\n\t}\n\tassert.True(t, f())", &[Skip]),
            ("defer func() { recover() }()\n\tassert.True(t, f())", &[SwallowsFailure]),
            ("f()", &[NoAssertion]),
            ("t.Log(f())", &[NoAssertion]),
            ("assert.True(t, true)", &[Tautology]),
            ("assert.Equal(t, 1, 1)", &[Tautology]),
            ("x := f()\n\tassert.Equal(t, x, x)", &[Tautology]),
            ("assert.Equal(t, os.Getenv(\"X\"), f())", &[Environment]),
            ("assert.NoError(t, exec.Command(\"a\").Run())", &[Process]),
            ("assert.True(t, f())\n\tos.Exit(0)", &[Process]),
            ("os.WriteFile(\"/etc/x\", nil, 0)\n\tassert.True(t, f())", &[Files]),
        ],
    );
}

#[test]
fn of_java() {
    check(
        Language::Java,
        (
            "import static org.junit.jupiter.api.Assertions.*;\nimport java.util.*;\nimport org.junit.jupiter.api.Test;\n\nclass ATest {\n  ",
            "\n}\n",
        ),
        &[
            (
                "@Test void a() throws Exception { Thread.sleep(5); assertEquals(1, f()); }",
                &[Sleep],
            ),
            ("@Test void a() { assertTrue(f(LocalDate.now())); }", &[Clock]),
            ("@Test void a() { assertTrue(f(System.currentTimeMillis())); }", &[Clock]),
            ("@Test void a() { assertTrue(f(new Date())); }", &[Clock]),
            ("@Test void a() { assertTrue(f(new Random().nextInt())); }", &[Random]),
            ("@Test void a() { assertTrue(f(UUID.randomUUID())); }", &[Random]),
            ("@Test void a() { assertTrue(f(new Socket(\"a\", 1))); }", &[Network]),
            ("@Test void a() { assertNotNull(new URL(\"http://a\").openStream()); }", &[Network]),
            ("@Test @Disabled void a() { assertEquals(1, f()); }", &[Skip]),
            ("@Test void a() { assumeTrue(g()); assertEquals(1, f()); }", &[Skip]),
            (
                "@Test void a() { try { assertEquals(1, f()); } catch (Throwable t) { } }",
                &[SwallowsFailure],
            ),
            (
                "@Test void a() { try { f(); fail(); } catch (AssertionError | X t) { } }",
                &[SwallowsFailure],
            ),
            ("@Test void a() { f(); }", &[NoAssertion]),
            ("@Test void a() { assertTrue(true); }", &[Tautology]),
            ("@Test void a() { int x = f(); assertEquals(x, x); }", &[Tautology]),
            ("@Test void a() { f(); int x = 3; assertEquals(3, x); }", &[Tautology]),
            ("@Test void a() { assertThrows(X.class, () -> { throw new X(); }); }", &[Tautology]),
            (
                "@Test void a() { List m = mock(List.class); when(m.size()).thenReturn(3); assertEquals(3, m.size()); }",
                &[MockOnly],
            ),
            (
                "@Test void a() { List m = mock(List.class); m.add(1); verify(m).add(1); }",
                &[MockOnly],
            ),
            ("@Test void a() { assertEquals(System.getenv(\"X\"), f()); }", &[Environment]),
            ("@Test void a() { assertTrue(f()); System.exit(0); }", &[Process]),
            ("@Test void a() { assertNotNull(new ProcessBuilder(\"a\").start()); }", &[Process]),
            (
                "@Test void a() { Files.writeString(Path.of(\"/etc/x\"), f()); assertTrue(f()); }",
                &[Files],
            ),
        ],
    );
}

#[test]
fn of_scripts() {
    check(
        Language::TypeScript,
        (
            "import { f } from './f';\nimport axios from 'axios';\nimport fs from 'node:fs';\nimport { execSync } from 'child_process';\nimport request from 'supertest';\n\n",
            "\n",
        ),
        &[
            (
                "it('a', async () => { await new Promise((r) => setTimeout(r, 50)); expect(f()).toBe(1); });",
                &[Sleep],
            ),
            ("it('a', async () => { expect(await fetch('http://a')).toBe(1); });", &[Network]),
            ("it('a', async () => { expect(await axios.get('a')).toBe(f()); });", &[Network]),
            ("it('a', async () => { await request(app).get('/').expect(200); });", &[Network]),
            ("it('a', () => { expect(f()).toBe(Date.now()); });", &[Clock]),
            ("it('a', () => { expect(f(new Date())).toBe(1); });", &[Clock]),
            ("it('a', () => { vi.useFakeTimers(); expect(f(new Date())).toBe(1); });", &[Clock]),
            ("it('a', () => { expect(f(Math.random())).toBe(1); });", &[Random]),
            ("it('a', () => { expect(f(crypto.randomUUID())).toBe(1); });", &[Random]),
            ("it.skip('a', () => { expect(f()).toBe(1); });", &[Skip]),
            ("it.only('a', () => { expect(f()).toBe(1); });", &[Skip]),
            ("describe.skip('d', () => { it('a', () => { expect(f()).toBe(1); }); });", &[Skip]),
            ("xit('a', () => { expect(f()).toBe(1); });", &[Skip]),
            ("test('a', { skip: true }, () => { expect(f()).toBe(1); });", &[Skip]),
            ("it('a', () => { try { expect(f()).toBe(1); } catch (e) {} });", &[SwallowsFailure]),
            (
                "it('a', () => { try { expect(f()).toBe(1); } catch (e) { console.log(e); } });",
                &[SwallowsFailure],
            ),
            (
                "it('a', async () => { await g().then((x) => expect(x).toBe(1)).catch(() => {}); });",
                &[SwallowsFailure],
            ),
            ("it('a', () => { expect(g()).resolves.toBe(1); });", &[SwallowsFailure]),
            ("it('a', () => { g().then((x) => { expect(x).toBe(1); }); });", &[SwallowsFailure]),
            ("it('a', () => { f(); });", &[NoAssertion]),
            ("it('a', () => { expect.assertions(0); f(); });", &[NoAssertion]),
            ("it('a', () => { expect(true).toBe(true); });", &[Tautology]),
            ("it('a', () => { const x = f(); expect(x).toEqual(x); });", &[Tautology]),
            ("it('a', () => { f(); const x = 3; expect(x).toBe(3); });", &[Tautology]),
            (
                "it('a', () => { expect(() => { throw new Error('x'); }).toThrow('x'); });",
                &[Tautology],
            ),
            ("it('a', () => { const m = vi.fn(() => 3); expect(m()).toBe(3); });", &[MockOnly]),
            (
                "it('a', () => { const m = jest.fn(); m(1); expect(m).toHaveBeenCalledWith(1); });",
                &[MockOnly],
            ),
            ("it('a', () => { expect(f(process.env.HOME)).toBe(1); });", &[Environment]),
            ("it('a', () => { expect(execSync('a')).toBe(f()); });", &[Process]),
            ("it('a', () => { expect(f()).toBe(1); process.exit(0); });", &[Process]),
            ("it('a', () => { fs.writeFileSync('/etc/x', 'y'); expect(f()).toBe(1); });", &[Files]),
            ("it('a', () => { expect(f()).toMatchSnapshot(); });", &[Files]),
            ("it('a', async () => { await expect(g()).resolves.toMatchSnapshot(); });", &[Files]),
        ],
    );
}

#[test]
fn of_ruby_and_php() {
    check(
        Language::Ruby,
        ("RSpec.describe 'a' do\n  ", "\nend\n"),
        &[
            ("it 'b' do\n    sleep 1\n    expect(f).to eq(1)\n  end", &[Sleep]),
            ("it 'b' do\n    expect(f(Time.now)).to eq(1)\n  end", &[Clock]),
            ("it 'b' do\n    expect(f(rand(3))).to eq(1)\n  end", &[Random]),
            (
                "xit 'b' do\n    expect(f).to eq(1)\n  end\n  it 'c' do\n    skip\n    expect(f).to eq(1)\n  end",
                &[Skip],
            ),
            (
                "it 'b' do\n    begin\n      expect(f).to eq(1)\n    rescue Exception\n    end\n  end",
                &[SwallowsFailure],
            ),
            ("it 'b' do\n    f\n  end", &[NoAssertion]),
            ("it 'b' do\n    expect(true).to eq(true)\n  end", &[Tautology]),
        ],
    );
    check(
        Language::Php,
        (
            "<?php\nclass ATest extends TestCase {\n    public function testA(): void {\n        ",
            "\n    }\n}\n",
        ),
        &[
            ("sleep(1); $this->assertSame(1, f());", &[Sleep]),
            ("$this->assertSame(time(), f());", &[Clock]),
            ("$this->assertSame(1, f(new DateTime()));", &[Clock]),
            ("$this->assertSame(1, f(random_int(1, 2)));", &[Random]),
            ("$this->markTestSkipped('x'); $this->assertSame(1, f());", &[Skip]),
            ("try { $this->assertSame(1, f()); } catch (\\Throwable $e) { }", &[SwallowsFailure]),
            ("f();", &[NoAssertion]),
            ("$this->assertTrue(true);", &[Tautology]),
        ],
    );
}

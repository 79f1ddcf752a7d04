//! Credentials are made once, kept, renewed in time, and never kept too long.

use std::sync::atomic::{AtomicUsize, Ordering};

use super::*;

fn runtime() -> tokio::runtime::Runtime {
    tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap()
}

fn timed(life: u64, left: u64) -> Timed<u32> {
    let now = SystemTime::now();
    let until = now + Duration::from_secs(left);
    Timed { value: 1, since: until - Duration::from_secs(life), until: Some(until) }
}

#[test]
fn credentials_are_fresh_until_shortly_before_they_expire() {
    let check = |life: u64, left: u64, expect: bool| {
        assert_eq!(timed(life, left).is_fresh(SystemTime::now()), expect, "{left} of {life} s");
    };
    check(3_600, 3_600, true);
    check(3_600, 310, true);
    check(3_600, 290, false);
    check(3_600, 0, false);
    check(600, 160, true);
    check(600, 140, false);
    check(8, 4, true);
    check(8, 1, false);
    assert!(Timed::for_seconds(1, None).is_fresh(SystemTime::now()));
    assert!(Timed::for_seconds(1, Some(u64::MAX)).is_fresh(SystemTime::now()));
    assert!(Timed::until(1, Some("2040-01-01T00:00:00Z")).unwrap().is_fresh(SystemTime::now()));
    assert!(!Timed::until(1, Some("1960-01-01T00:00:00Z")).unwrap().is_valid(SystemTime::now()));
    assert!(Timed::until(1, Some("tomorrow")).is_err());
}

#[test]
fn many_requests_wait_for_one_credential() {
    let made = AtomicUsize::new(0);
    let cached = Cached::default();
    let one = || {
        cached.get(|| async {
            made.fetch_add(1, Ordering::SeqCst);
            tokio::time::sleep(Duration::from_millis(5)).await;
            Ok(Timed::for_seconds(7, Some(3_600)))
        })
    };
    runtime().block_on(async {
        let all = futures_util::future::join_all((0..8).map(|_| one())).await;
        assert!(all.into_iter().all(|value| value.unwrap() == 7));
        assert_eq!(made.load(Ordering::SeqCst), 1);
        cached.forget().await;
        one().await.unwrap();
        assert_eq!(made.load(Ordering::SeqCst), 2);
    });
}

#[test]
fn what_cannot_be_renewed_is_used_as_long_as_it_holds() {
    let fails = || async { Err(ModelError::Unavailable(anyhow!("gone"))) };
    runtime().block_on(async {
        let cached = Cached::default();
        assert!(cached.get(fails).await.is_err());
        cached.get(|| async { Ok(timed(3_600, 60)) }).await.unwrap();
        assert_eq!(cached.get(fails).await.unwrap(), 1);
        let cached = Cached::default();
        cached.get(|| async { Ok(timed(3_600, 0)) }).await.unwrap();
        assert!(cached.get(fails).await.is_err());
    });
}

#[test]
fn secrets_go_only_where_nobody_listens() {
    let check = |url: &str, expect: bool| {
        assert_eq!(safe_url(url, "it").is_ok(), expect, "{url}");
    };
    check("https://sts.googleapis.com/v1/token", true);
    check("http://127.0.0.1:80/x", true);
    check("http://[::1]:80/x", true);
    check("http://localhost/x", true);
    check("http://localhost.evil.example/x", false);
    check("http://127.0.0.1.evil.example/x", false);
    check("http://127.0.0.1@evil.example/x", false);
    check("http://169.254.169.254/", false);
    check("ftp://127.0.0.1/", false);
    check("file:///etc/passwd", false);
    check("", false);
}

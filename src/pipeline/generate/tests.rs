//! What people ask for, on every platform.

use super::super::*;
use super::generate;

#[test]
fn an_empty_wish_is_still_a_file() {
    for platform in Platform::ALL {
        let made = generate("", platform, &NoFiles);
        assert!(matches!(read(platform, platform.usual_path(), &made.text, &NoFiles), Outcome::Read(_)), "{}", made.text);
    }
}

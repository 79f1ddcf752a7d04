//! What a process says once when it starts.

use std::sync::LazyLock;

use regex::Regex;

static WORDS: LazyLock<Regex> = LazyLock::new(|| {
    Regex::new(
        r"(?xi-u)\b(?:start(?:ing|ed|up)|boot(?:ing|ed|strapp(?:ing|ed))|initiali[sz](?:ing|ed|ation)
        |listening|loaded|loading|registered|registering|ready|launch(?:ing|ed)|version|build
        |configur(?:ed|ing|ation)|migrat(?:ion|ions|ed|ing)|bound\ to|bind(?:ing)?|serving
        |connected|warm(?:ing|ed)?[\ -]?up|mounted|enabled|using|jvm|runtime|profile|banner
        |welcome|created|creating|mapped|init|subscribed|joined|elected|shutting\ down|stopp(?:ed|ing)
        |sigterm|exiting|graceful(?:ly)?|pid)\b",
    )
    .expect("a fixed expression")
});

/// Whether a message sounds like what a process says when it starts or ends.
pub fn sounds_like_it(message: &str) -> bool {
    WORDS.is_match(message)
}

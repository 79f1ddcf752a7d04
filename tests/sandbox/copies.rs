//! Copies of a checkout.

use std::collections::BTreeMap;
use std::fs::{self, Metadata};
use std::os::unix::fs::{MetadataExt as _, PermissionsExt as _, symlink};
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime};

use pipewright::sandbox::{Copy, Ended, copy_of};

use super::{World, have};

/// A repository with all that a copy meets. Its index is written by gix's own tests'
/// way: none at all, so that everything is new.
fn checkout(world: &World) -> PathBuf {
    let root = world.path("home/project");
    let write = |path: &str, text: &str| {
        let whole = root.join(path);
        fs::create_dir_all(whole.parent().unwrap()).unwrap();
        fs::write(whole, text).unwrap();
    };
    write(".git/HEAD", "ref: refs/heads/main\n");
    write(".git/config", "[core]\n\trepositoryformatversion = 0\n\tbare = false\n");
    fs::create_dir_all(root.join(".git/objects")).unwrap();
    fs::create_dir_all(root.join(".git/refs/heads")).unwrap();
    write(".gitignore", "node_modules\n.venv\nvendor\n*.log\n.env\ntarget\n_version.py\n");
    write("src/code.js", "module.exports = 'of the copy';\n");
    write("run.sh", "#!/bin/sh\necho ran\n");
    fs::set_permissions(root.join("run.sh"), fs::Permissions::from_mode(0o755)).unwrap();
    write("shut", "read only");
    fs::set_permissions(root.join("shut"), fs::Permissions::from_mode(0o444)).unwrap();
    write("a.log", "ignored");
    write(".env", "TOKEN=x");
    write("_version.py", "version = '1'");
    write("target/big", "ignored");
    write("packages/one/package.json", "{\"name\": \"one\", \"main\": \"index.js\"}");
    write("packages/one/index.js", "module.exports = 'one of the copy';\n");
    write("node_modules/two/index.js", "module.exports = 'two, ' + require('three');\n");
    write("node_modules/three/index.js", "module.exports = 'three';\n");
    write("node_modules/@group/four/index.js", "module.exports = 'four';\n");
    symlink("../packages/one", root.join("node_modules/one")).unwrap();
    write("vendor/autoload.php", "vendored");
    write(".venv/bin/tool", "#!/bin/sh\necho tool\n");
    fs::set_permissions(root.join(".venv/bin/tool"), fs::Permissions::from_mode(0o755)).unwrap();
    symlink("src/code.js", root.join("inside")).unwrap();
    symlink(root.join("src"), root.join("inside-absolute")).unwrap();
    symlink("../../outside", root.join("out")).unwrap();
    symlink("/etc/passwd", root.join("out-absolute")).unwrap();
    symlink("../../..", root.join("packages/one/up")).unwrap();
    fs::create_dir_all(root.join("deep/er")).unwrap();
    symlink("../..", root.join("deep/er/top")).unwrap();
    // By its name it stays inside, in fact it does not.
    symlink("deep/er/top/../../x", root.join("sly")).unwrap();
    symlink(".git/config", root.join("to-git")).unwrap();
    let old = SystemTime::UNIX_EPOCH + Duration::from_nanos(1_000_000_000_123_456_789);
    fs::File::options().append(true).open(root.join("run.sh")).unwrap().set_modified(old).unwrap();
    root
}

fn copied(world: &World, root: &Path) -> Copy {
    copy_of(root, world.temp.path(), &world.walls).unwrap()
}

fn state(root: &Path) -> BTreeMap<PathBuf, (u64, i64, i64, u32, u64)> {
    let key = |found: &Metadata| {
        (found.ino(), found.mtime(), found.mtime_nsec(), found.mode(), found.size())
    };
    let (mut all, mut next) = (BTreeMap::new(), vec![root.to_path_buf()]);
    while let Some(folder) = next.pop() {
        for entry in fs::read_dir(folder).unwrap() {
            let entry = entry.unwrap();
            let found = entry.path().symlink_metadata().unwrap();
            all.insert(entry.path(), key(&found));
            if found.is_dir() {
                next.push(entry.path());
            }
        }
    }
    all
}

#[tokio::test]
async fn a_copy_holds_what_belongs_to_the_checkout() {
    for world in World::both().await {
        let root = checkout(&world);
        let copy = copied(&world, &root);
        let path = copy.path();
        assert_eq!(path.file_name(), root.file_name());
        for (name, is_there) in [
            (".gitignore", true),
            ("src/code.js", true),
            ("run.sh", true),
            ("_version.py", true),
            ("inside", true),
            ("inside-absolute", true),
            ("packages/one/index.js", true),
            ("node_modules", true),
            (".venv", true),
            ("vendor", true),
            (".git", false),
            ("a.log", false),
            (".env", false),
            ("target", false),
            ("out", false),
            ("out-absolute", false),
            ("packages/one/up", false),
            ("sly", false),
            ("to-git", false),
        ] {
            assert_eq!(path.join(name).symlink_metadata().is_ok(), is_there, "{name}");
        }
        assert!(
            copy.notes().iter().any(|note| note.contains("links out of")),
            "{:?}",
            copy.notes()
        );
        let (of, was) = (
            fs::metadata(path.join("run.sh")).unwrap(),
            fs::metadata(root.join("run.sh")).unwrap(),
        );
        assert_eq!(
            (of.mode(), of.mtime(), of.mtime_nsec()),
            (was.mode(), was.mtime(), was.mtime_nsec())
        );
        assert_ne!((of.dev(), of.ino()), (was.dev(), was.ino()), "it is another file");
        assert_eq!(fs::metadata(path.join("shut")).unwrap().mode() & 0o777, 0o444);
        assert!(fs::canonicalize(path.join("inside-absolute")).unwrap().starts_with(path));
    }
}

#[tokio::test]
async fn a_copy_is_removed_whatever_was_made_of_it() {
    for world in World::both().await {
        let root = checkout(&world);
        let copy = copied(&world, &root);
        let path = copy.path().to_path_buf();
        fs::create_dir_all(path.join("made/deep")).unwrap();
        fs::write(path.join("made/deep/file"), "x").unwrap();
        for name in ["made/deep", "made"] {
            fs::set_permissions(path.join(name), fs::Permissions::from_mode(0o000)).unwrap();
        }
        drop(copy);
        assert!(!path.exists() && !path.parent().unwrap().exists());
        // One that a killed process left goes with the next copy, one in use stays.
        let left = world.path("pipewright-copy-left");
        fs::create_dir_all(left.join("x")).unwrap();
        fs::write(left.join(".lock"), "").unwrap();
        let (first, second) = (copied(&world, &root), copied(&world, &root));
        assert!(!left.exists() && first.path().exists() && second.path().exists());
    }
}

#[tokio::test]
async fn the_checkout_is_never_touched() {
    for mut world in World::both().await {
        let root = checkout(&world);
        let before = state(&root);
        let copy = copied(&world, &root);
        world.shown = copy.shown().to_vec();
        world.writable = vec![copy.path().to_path_buf()];
        world.readable.clear();
        let ran = world
            .run_in(
                copy.path(),
                "for f in $(find . -type f); do echo more >> $f; done; ./run.sh; rm -rf src; \
                 mkdir -p node_modules/.cache; echo x > node_modules/.cache/x; chmod -R 777 run.sh; \
                 touch -d 2001-01-01 _version.py inside",
            )
            .await;
        assert!(ran.output.contains("ran"), "{ran:?}");
        if world.walls.files {
            assert_eq!(state(&root), before);
        } else {
            // Packages that are linked are the checkout's own; all else is the copy's.
            let others = |state: BTreeMap<PathBuf, _>| -> Vec<_> {
                let ours = |path: &Path| !path.to_string_lossy().contains("/node_modules/");
                state.into_iter().filter(|(path, _)| ours(path)).collect()
            };
            assert_eq!(others(state(&root)), others(before));
        }
        assert!(!copy.path().join("src").exists(), "it could write its copy");
    }
}

#[tokio::test]
async fn packages_are_at_hand() {
    for mut world in World::both().await {
        let root = checkout(&world);
        let copy = copied(&world, &root);
        world.shown = copy.shown().to_vec();
        world.writable = vec![copy.path().to_path_buf()];
        let ran = world
            .run_in(copy.path(), ".venv/bin/tool; cat vendor/autoload.php; echo; ls node_modules")
            .await;
        assert_eq!(ran.output, "tool\nvendored\n@group\none\nthree\ntwo\n", "{ran:?}");
        if have("node") {
            let code = "for (const n of ['two', '@group/four', 'one', './inside']) console.log(require(n))";
            let ran = world.run_in(copy.path(), &format!("node -e \"{code}\"")).await;
            let expect = "two, three\nfour\none of the copy\nof the copy\n";
            assert_eq!(ran.output, expect, "{ran:?}");
            // A change in the copy is seen through the packages' own links, too.
            fs::write(copy.path().join("packages/one/index.js"), "module.exports = 'new';")
                .unwrap();
            let ran = world.run_in(copy.path(), "node -p \"require('one')\"").await;
            assert_eq!(ran.output, "new\n", "{ran:?}");
        }
        if world.walls.files {
            // Written for the run only.
            let write = "echo x > node_modules/.new && cat node_modules/.new";
            let ran = world.run_in(copy.path(), write).await;
            assert_eq!(ran.ended, Ended::Exited(0), "{ran:?}");
            assert!(!root.join("node_modules/.new").exists());
            // It seems to lie where the checkout lies.
            let command = format!("pwd; echo new > made; cat {}/made; ls -a", root.display());
            let ran = world.run_in(copy.path(), &command).await;
            assert!(ran.output.starts_with(&format!("{}\nnew\n", root.display())), "{ran:?}");
            assert!(!ran.output.contains(".git\n") && !root.join("made").exists(), "{ran:?}");
            assert_eq!(fs::read_to_string(copy.path().join("made")).unwrap(), "new\n");
        }
    }
}

#[tokio::test]
async fn a_folder_without_git_is_copied() {
    let world = World::new(false).await;
    let root = checkout(&world);
    fs::remove_dir_all(root.join(".git")).unwrap();
    let copy = copied(&world, &root);
    for (name, is_there) in [("src/code.js", true), ("a.log", true), ("target", false)] {
        assert_eq!(copy.path().join(name).exists(), is_there, "{name}");
    }
    let wrong = copy_of(&root, &root.join("src"), &world.walls);
    assert!(wrong.unwrap_err().to_string().contains("inside of its checkout"));
    assert!(copy_of(&world.path("none"), world.temp.path(), &world.walls).is_err());
}

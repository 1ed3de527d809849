//! The commands of the operator.

use std::os::unix::fs::PermissionsExt as _;

use crate::program::{run, run_with, said};

#[test]
fn migrate_prepares_a_new_database_and_doctor_finds_it_sound() {
    let folder = tempfile::tempdir().unwrap();
    let early = run(folder.path(), &["doctor"]);
    assert!(!early.status.success() && said(&early).contains("mianban migrate"), "{}", said(&early));
    for _ in 0..2 {
        let output = run(folder.path(), &["migrate"]);
        assert!(output.status.success() && said(&output).contains("up to date"), "{}", said(&output));
    }
    let healthy = run(folder.path(), &["doctor"]);
    assert!(healthy.status.success() && said(&healthy).contains("no fault found"), "{}", said(&healthy));
}

#[test]
fn accounts_are_created_switched_off_and_given_passwords() {
    let folder = tempfile::tempdir().unwrap();
    let data = folder.path();
    let create = ["account", "create", "sh_accept", "--name", "受理一", "--bureau", "310000", "--post", "accept"];
    let made = run_with(data, &create, "Long-enough-1\n");
    assert!(made.status.success(), "{}", said(&made));
    let again = run_with(data, &create, "Long-enough-1\n");
    assert!(!again.status.success() && said(&again).contains("is taken"), "{}", said(&again));
    for (args, line, says) in [
        (vec!["account", "create", "x", "--name", "n", "--post", "publish"], "Long-enough-1\n", "用户名"),
        (
            vec!["account", "create", "cnca_a", "--name", "n", "--post", "accept"],
            "Long-enough-1\n",
            "does not fit CNCA",
        ),
        (
            vec!["account", "create", "sh_b", "--name", "n", "--bureau", "310000", "--post", "publish"],
            "Long-enough-1\n",
            "does not fit a bureau",
        ),
        (
            vec!["account", "create", "sh_b", "--name", "n", "--bureau", "999999", "--post", "accept"],
            "Long-enough-1\n",
            "there is no bureau `999999`",
        ),
        (vec!["account", "create", "sh_b", "--name", "n", "--post", "chief"], "", "--post"),
        (vec!["account", "password", "sh_accept"], "short\n", "密码"),
        (vec!["account", "password", "sh_accept"], "Password1\n", "过于常见"),
        (vec!["account", "password", "sh_accept"], "Sh_accept-77\n", "用户名"),
        (vec!["account", "reset-second-factor", "sh_accept"], "", "has no second factor"),
        (vec!["account", "password", "nobody"], "Long-enough-1\n", "there is no account `nobody`"),
    ] {
        let output = run_with(data, &args, line);
        assert!(!output.status.success() && said(&output).contains(says), "{args:?}: {}", said(&output));
        assert!(!said(&output).contains("Long-enough-1"), "passwords are not repeated");
    }
    for args in [
        vec!["account", "password", "sh_accept"],
        vec!["account", "disable", "sh_accept"],
        vec!["account", "enable", "SH_ACCEPT"],
    ] {
        let output = run_with(data, &args, "Other-enough-2\n");
        assert!(output.status.success(), "{args:?}: {}", said(&output));
    }
}

/// E35: a key is one file that only its owner reads, with a certificate; the newest signs.
#[test]
fn keys_are_made_and_listed() {
    let folder = tempfile::tempdir().unwrap();
    let data = folder.path();
    assert!(said(&run(data, &["key", "list"])).contains("there is no signing key"));
    assert!(run(data, &["key", "create"]).status.success());
    let first = said(&run(data, &["key", "list"]));
    std::thread::sleep(std::time::Duration::from_millis(1100));
    assert!(run(data, &["key", "create"]).status.success());
    let list = said(&run(data, &["key", "list"]));
    let lines: Vec<_> = list.lines().collect();
    assert_eq!(lines.len(), 2, "{list}");
    assert!(lines[0] == first.trim().trim_end_matches("  (signs)") && lines[1].ends_with("  (signs)"), "{list}");
    let name = lines[1].trim_end_matches("  (signs)");
    let private = data.join("keys").join(format!("{name}.key.pem"));
    assert_eq!(std::fs::metadata(&private).unwrap().permissions().mode() & 0o777, 0o600);
    assert!(std::fs::read_to_string(&private).unwrap().starts_with("-----BEGIN PRIVATE KEY-----"));
    let certificate = std::fs::read_to_string(data.join("keys").join(format!("{name}.cert.pem"))).unwrap();
    assert!(certificate.starts_with("-----BEGIN CERTIFICATE-----"));
}

/// Reference data from a folder: faults with file and line, nothing changed unless all is right.
#[test]
fn reference_data_are_imported_from_a_folder() {
    let folder = tempfile::tempdir().unwrap();
    let data = folder.path().join("data");
    let own = folder.path().join("own");
    std::fs::create_dir(&own).unwrap();
    for entry in std::fs::read_dir(concat!(env!("CARGO_MANIFEST_DIR"), "/../../reference")).unwrap() {
        let path = entry.unwrap().path();
        std::fs::copy(&path, own.join(path.file_name().unwrap())).unwrap();
    }
    let own_name = own.to_str().unwrap();
    let same = run(&data, &["reference", "import", own_name]);
    assert!(same.status.success() && said(&same).contains("nothing to do"), "{}", said(&same));

    let units = std::fs::read_to_string(own.join("units.csv")).unwrap();
    std::fs::write(own.join("units.csv"), format!("{units}{units}")).unwrap();
    let wrong = run(&data, &["reference", "import", own_name]);
    assert!(!wrong.status.success() && said(&wrong).contains("units.csv, line"), "{}", said(&wrong));

    let with_one_more = format!("{}\n998,测试单位,count\n", units.trim_end());
    std::fs::write(own.join("units.csv"), with_one_more).unwrap();
    let right = run(&data, &["reference", "import", own_name]);
    assert!(right.status.success() && said(&right).contains("rows imported"), "{}", said(&right));
    let missing = run(&data, &["reference", "import", "/nowhere"]);
    assert!(!missing.status.success() && said(&missing).contains("regions.csv"), "{}", said(&missing));
}

/// A system of a port gets a key that is shown once and kept as a hash; it is replaced and switched off.
#[test]
fn systems_of_ports_are_made_known() {
    let folder = tempfile::tempdir().unwrap();
    let data = folder.path();
    let system = |args: &[&str]| run(data, &[&["port-system"], args].concat());
    let made = system(&["create", "吴淞口岸系统", "--bureau", "310000", "--port", "2202", "--port", "2201"]);
    assert!(made.status.success(), "{}", said(&made));
    let key = String::from_utf8(made.stdout).unwrap().trim().to_owned();
    assert!(key.starts_with("1.") && key.len() == 66, "{key}");
    for (args, why) in [
        (&["create", "吴淞口岸系统", "--bureau", "310000"][..], "has a system of the name"),
        (&["create", "系统", "--bureau", "999999"], "there is no bureau"),
        (&["create", "系统", "--bureau", "310000", "--port", "2200"], "there is no port"),
        (&["create", "系统", "--bureau", "310000", "--port", "2302"], "is one of the bureau"),
        (&["create", "系", "--bureau", "310000"], "2 to 50"),
        (&["rotate", "7"], "there is no system 7"),
        (&["disable", "7"], "there is no system 7"),
    ] {
        let output = system(args);
        assert!(!output.status.success() && said(&output).contains(why), "{args:?}: {}", said(&output));
    }
    let list = said(&system(&["list"]));
    assert!(list.contains("吴淞口岸系统") && list.contains("2202 2201") && list.contains("key of"), "{list}");
    assert!(!list.contains(&key[2..]));
    let fresh = String::from_utf8(system(&["rotate", "1"]).stdout).unwrap();
    assert!(fresh.starts_with("1.") && fresh.trim() != key);
    assert!(system(&["disable", "1"]).status.success());
    assert!(said(&system(&["list"])).contains("switched off"));
    assert!(!system(&["rotate", "1"]).status.success());
}

/// At a terminal nothing of a password is shown, and it is typed twice.
#[test]
fn a_password_typed_at_a_terminal_is_not_shown() {
    use std::io::{Read as _, Write as _};
    use std::process::{Command, Stdio};

    let folder = tempfile::tempdir().unwrap();
    let create = "account create cnca_a --name n --post publish";
    for (typed, says) in [(["Long-enough-1", "Long-enough-2"], "differ"), (["Long-enough-1"; 2], "was created")] {
        // `script` gives the program a terminal.
        let program = format!("{} {create}", env!("CARGO_BIN_EXE_mianban"));
        let mut child = Command::new("script")
            .args(["-q", "-e", "-c", &program, "/dev/null"])
            .env("MIANBAN_DATA_DIR", folder.path())
            .env_remove("MIANBAN_TEST_POSTGRES")
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .expect("script is installed");
        let (mut keyboard, mut screen) = (child.stdin.take().unwrap(), child.stdout.take().unwrap());
        let mut shown = String::new();
        for (prompt, word) in ["password (not shown): ", "the same again: "].iter().zip(typed) {
            let mut byte = [0];
            while !shown.contains(prompt) {
                assert_eq!(screen.read(&mut byte).unwrap(), 1, "{shown}");
                shown.push(char::from(byte[0]));
            }
            keyboard.write_all(format!("{word}\n").as_bytes()).unwrap();
        }
        screen.read_to_string(&mut shown).unwrap();
        child.wait().unwrap();
        assert!(shown.contains(says), "{shown}");
        assert!(!shown.contains("Long-enough"), "{shown}");
    }
}

//! What the commands say that make a spool, empty it, and have it worked and watched.

use super::{Scene, transcript};

#[test]
fn a_spool_is_made_with_its_settings_or_refused() {
    transcript(
        "init",
        &[
            "slipstream init --slots 0",
            "slipstream init --slots 1000",
            "slipstream init --logs 0",
            "slipstream init --rotate 0",
            "slipstream init --rotate 1us",
            "slipstream init --rotate 200y",
            "slipstream init --rotate 99999999999999999",
            "slipstream init --record-max 0",
            "slipstream init --record-max 2GiB",
            "slipstream init --log-max 1KiB",
            "slipstream init --log-max 9TiB",
            "slipstream init --group no-such-group",
            "slipstream init --slots 32 --rotate 5m",
            "slipstream init --slots 32 --rotate 5m",
            "slipstream init --slots 16",
        ],
    );
}

#[test]
fn a_purge_tells_what_it_removes() {
    let mut scene = Scene::new();
    scene.types_all(&[
        "slipstream purge",
        "slipstream init --slots 1",
        "slipstream purge",
        "slipstream store --source a http://127.0.0.1:40001/404 http://127.0.0.1:40001/503",
        "slipstream work --attempts 1 --retry permanent=404 --quiet --max-idle 0",
        "slipstream store --source a http://127.0.0.1:40001/503",
        "slipstream work --backoff 1h --quiet --max-idle 0",
        "slipstream store --source a http://127.0.0.1:40001/",
        "slipstream purge",
        "slipstream purge --state failed --yes",
        "slipstream purge --yes",
        "slipstream status",
    ]);
    scene.is("purge");
}

#[test]
fn a_purge_leaves_what_waits_beside_what_failed() {
    let mut scene = Scene::new();
    scene.types_all(&[
        "slipstream init --slots 1",
        "slipstream store --source a http://127.0.0.1:40001/404 http://127.0.0.1:40001/503",
        "slipstream work --quiet --retry attempts=2,base=1h,permanent=404 --max-idle 0",
        "slipstream status",
        "slipstream purge --state failed",
        "slipstream purge --state failed --yes",
    ]);
    scene.is("purge_beside_what_waits");
}

#[test]
fn settings_are_shown_and_files_are_refused() {
    let mut scene = Scene::new();
    scene.types_all(&[
        "SLIPSTREAM_DIR=/srv/spool slipstream config",
        "SLIPSTREAM_DIR=/srv/spool slipstream config --sample",
        "SLIPSTREAM_DIR=/srv/spool slipstream config --json",
    ]);
    let whole =
        "[work]\nconcurrency = 7\nallow-host = ['a', 'b']\nproxy = 'http://me:s3cret@p:1'\n";
    scene.file("slipstream.toml", whole);
    scene.types("SLIPSTREAM_DIR=/srv/spool SLIPSTREAM_CONFIG=HERE/slipstream.toml slipstream --log-format text config");
    for (name, text) in [
        ("toml", "dir = \n"),
        ("section", "[wrok]\nquiet = true\n"),
        ("option", "dirr = '/a'\n"),
        ("option-of-one", "[work]\nfollow = true\n"),
        ("table", "[work.proxy]\na = 1\n"),
        ("date", "dir = 2026-12-24\n"),
        ("several", "dir = ['/a', '/b']\n"),
        ("flag", "[store]\ndurable = 'yes'\n"),
        ("relative", "dir = 'spool'\n"),
        ("empty", "dir = ''\n"),
    ] {
        scene.file(&format!("{name}.toml"), text);
        scene.types(&format!("SLIPSTREAM_CONFIG=HERE/{name}.toml slipstream store http://h/"));
    }
    scene.file("work.toml", "[work]\nconcurrency = 0\n");
    scene.file("init.toml", "[init]\nrotate = 'often'\n");
    scene.types("SLIPSTREAM_CONFIG=HERE/work.toml slipstream work");
    scene.types("SLIPSTREAM_CONFIG=HERE/init.toml slipstream store http://h/");
    scene.types("SLIPSTREAM_CONFIG=HERE slipstream status");
    scene.types("SLIPSTREAM_CONFIG=HERE/missing.toml slipstream status");
    scene.is("config");
}

#[test]
fn what_runs_the_worker_is_printed() {
    let program = "--program /usr/bin/slipstream";
    let setup = |dir: &str, rest: &str| format!("slipstream --dir {dir} setup {rest} {program}");
    let lines = [
        setup("/var/spool/slipstream", "cron --run-as www-data"),
        setup("/var/spool/slipstream", "cron --every 5m --run-as www-data"),
        setup("/var/spool/slipstream", "cron --every 6h --run-as www-data"),
        setup("'/srv/a b 1%'", "cron --run-as www-data"),
        setup("/var/spool/slipstream", "systemd --run-as www-data"),
        setup("/tmp/slipstream", "systemd --run-as www-data --every 5m"),
        setup("'/srv/a b 1%'", "systemd --run-as www-data --follow --name hooks"),
        setup("/srv/hooks", "systemd --user"),
        setup("/srv/hooks", "cron --every 7m"),
        setup("/srv/hooks", "cron --follow"),
        setup("/srv/hooks", "cron --user"),
        setup("'/srv/a\u{7f}b'", "cron"),
        "slipstream setup systemd --run-as x --program slipstream".to_owned(),
    ];
    let lines: Vec<_> = lines.iter().map(|line| &**line).collect();
    transcript("setup", &lines);
}

#[test]
fn what_runs_the_worker_is_installed_below_a_directory() {
    let mut scene = Scene::new();
    let to = "--run-as www-data --program /usr/bin/slipstream --install --root HERE/root";
    let packaged = scene.spool.path().with_file_name("root/lib/systemd/system");
    scene.types_all(&[
        &format!("slipstream --dir /srv/a setup cron {to}"),
        &format!("slipstream --dir /srv/b setup cron {to}"),
        &format!("slipstream --dir /srv/a setup systemd {to}"),
        &format!("slipstream --dir /srv/b setup systemd {to}"),
        "slipstream setup systemd --run-as no-such-user",
        "slipstream setup cron --install --root HERE/root --user",
        "slipstream setup cron --root HERE/root",
    ]);
    std::fs::create_dir_all(&packaged).unwrap();
    let unit = "Description=Delivers what is stored in /srv/c\n";
    std::fs::write(packaged.join("c.service"), unit).unwrap();
    scene.notes("a package has units of the name c");
    scene.types_all(&[
        &format!("slipstream --dir /srv/c setup systemd --name c {to}"),
        &format!("slipstream --dir /srv/c setup systemd --name c --follow {to}"),
        "HOME=- slipstream setup systemd --user --install",
        "XDG_CONFIG_HOME=HERE/config slipstream --dir HERE setup systemd --user --install",
    ]);
    scene.is("setup_install");
}

#[test]
fn metrics_are_written_with_what_they_mean() {
    let mut scene = Scene::new();
    scene.types_all(&[
        "slipstream init --slots 1",
        "slipstream store --source a http://127.0.0.1:40001/404 http://127.0.0.1:40001/",
        "slipstream work --attempts 1 --quiet --concurrency 1 --metrics HERE/x.prom",
    ]);
    let path = scene.spool.path().with_file_name("x.prom");
    let text = std::fs::read_to_string(path).unwrap();
    let text = text.replace(scene.spool.path().to_str().unwrap(), "SPOOL");
    // Of times and lengths of time, only what they are.
    let lines = text.lines().map(|line| match line.rsplit_once(' ') {
        Some((name, _)) if name.contains("_seconds") && !line.starts_with('#') => {
            format!("{name} SECONDS\n")
        }
        _ => format!("{line}\n"),
    });
    let shown = crate::run::ran(0, &lines.collect::<String>(), "");
    scene.record("$ cat HERE/x.prom", &shown);
    scene.is("metrics");
}

#[test]
fn pages_are_written_or_not() {
    let mut scene = Scene::new();
    scene.file("file", "");
    scene.types_all(&["slipstream man HERE/file", "slipstream man", "slipstream completions"]);
    scene.is("pages");
}

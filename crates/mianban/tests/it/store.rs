//! Files on an S3-compatible store: a real one, in this process.

use hyper_util::rt::{TokioExecutor, TokioIo};
use hyper_util::server::conn::auto::Builder;
use s3s::auth::SimpleAuth;
use s3s::service::S3ServiceBuilder;
use s3s_fs::FileSystem;

use crate::program::{Serving, mianban, said};

#[test]
fn files_and_papers_lie_in_an_s3_compatible_store() {
    let folder = tempfile::tempdir().unwrap();
    let bucket = folder.path().join("store").join("mianban");
    std::fs::create_dir_all(&bucket).unwrap();
    let runtime = tokio::runtime::Runtime::new().unwrap();
    let listener = runtime.block_on(tokio::net::TcpListener::bind("127.0.0.1:0")).unwrap();
    let address = listener.local_addr().unwrap();
    let service = {
        let mut builder = S3ServiceBuilder::new(FileSystem::new(folder.path().join("store")).unwrap());
        builder.set_auth(SimpleAuth::from_single("key", "secret"));
        builder.build()
    };
    runtime.spawn(async move {
        while let Ok((socket, _)) = listener.accept().await {
            let service = service.clone();
            tokio::spawn(async move {
                let _ = Builder::new(TokioExecutor::new()).serve_connection(TokioIo::new(socket), service).await;
            });
        }
    });

    // The demonstration uploads its papers through the same pages as people do.
    let endpoint = format!("http://{address}");
    let variables = [
        ("AWS_ENDPOINT", endpoint.as_str()),
        ("AWS_ALLOW_HTTP", "true"),
        ("AWS_REGION", "us-east-1"),
        ("AWS_ACCESS_KEY_ID", "key"),
        ("AWS_SECRET_ACCESS_KEY", "secret"),
    ];
    let data = folder.path().join("data");
    let serving = Serving::start_with(&data, &["--demo", "--files-url", "s3://mianban"], &variables);
    assert!(bucket.join("attachments").is_dir(), "uploads lie in the bucket");
    let deadline = std::time::Instant::now() + std::time::Duration::from_mins(1);
    while !bucket.join("certificates").is_dir() {
        assert!(std::time::Instant::now() < deadline, "no paper was made");
        std::thread::sleep(std::time::Duration::from_millis(100));
    }
    assert!(!folder.path().join("data").join("files").exists(), "nothing lies on the disk");
    assert!(serving.terminate());

    // A bucket is backed up, restored into another one, and examined, like a folder.
    std::fs::create_dir(folder.path().join("store").join("other")).unwrap();
    let backup = folder.path().join("backup");
    let backup = backup.to_str().unwrap();
    let other = folder.path().join("other");
    for (data, bucket, args) in [
        (&data, "s3://mianban", &["backup", backup][..]),
        (&data, "s3://mianban", &["doctor", "--files", "full"]),
        (&other, "s3://other", &["restore", backup]),
        (&other, "s3://other", &["doctor", "--files", "full"]),
    ] {
        let mut command = mianban(data);
        let output = command.args(args).args(["--files-url", bucket]).envs(variables).output().unwrap();
        assert!(output.status.success(), "{args:?}: {}", said(&output));
    }
    assert!(!other.join("files").exists());
}

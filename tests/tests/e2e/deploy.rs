//! Deployments: what is refused and why, versions and who is on them, and the cache of compiled modules.

use anyhow::{Context as _, Result, ensure};
use dacapo_tests::server::{expect, guest, read, refusal, sample};
use dacapo_tests::{Server, Way, every_way};
use reqwest::StatusCode;
use serde_json::{Value, json};
use std::collections::BTreeMap;
use std::fs;
use std::path::PathBuf;

/// Starts an instance that waits for `Go`.
async fn park(server: &Server, id: &str) -> Result<()> {
    server.start_instance("Park", id, Value::Null).await?;
    server.until_custom_status(id, json!("waiting")).await?;
    Ok(())
}

async fn delete_version(server: &Server, module: &str, version: &str) -> Result<reqwest::Response> {
    server.delete(server.url(&format!("/api/modules/{module}/versions/{version}"))).await
}

/// The versions of a module that there are, and the active one.
async fn versions(server: &Server, module: &str) -> Result<(Vec<u64>, u64)> {
    let module = expect(server.get(server.url(&format!("/api/modules/{module}"))).await?, StatusCode::OK).await?;
    let versions = module["versions"].as_array().context("a list")?;
    let active = versions.iter().filter(|version| version["active"] == true);
    let [active] = active.collect::<Vec<_>>()[..] else { anyhow::bail!("one is active: {module}") };
    assert_eq!(module["version"], active["version"], "the module shows its active version");
    let numbers = versions.iter().filter_map(|version| version["version"].as_u64()).collect();
    Ok((numbers, active["version"].as_u64().context("a number")?))
}

every_way! {
    async fn what_is_no_module_of_ours_is_refused_with_a_reason_and_changes_nothing(server: &mut Server) {
        server.deploy(&sample("Workloads")).await?;
        park(server, "bystander").await?;
        let component = read(&guest("conformance"))?;
        let long = "n".repeat(257);
        let (bad, unusable) = (StatusCode::BAD_REQUEST, StatusCode::UNPROCESSABLE_ENTITY);
        let core = b"\0asm\x01\0\0\0".to_vec();
        let newer = b"\0asm\x63\0\x01\0 and more".to_vec();
        let uploads: [(&str, Vec<u8>, StatusCode, &[&str]); 10] = [
            ("m", b"Hello, this is a text.".to_vec(), bad, &["not WebAssembly", "22 bytes", "Hello, this is a"]),
            ("m", Vec::new(), bad, &["not WebAssembly", "0 bytes"]),
            ("m", core, bad, &["a core WebAssembly module, not a component", "wasm32-wasip2"]),
            ("m", newer, bad, &["unknown layer or version", "63000100"]),
            ("m", read(&guest("no-exports"))?, bad, &["exports neither", "dacapo:orchestration/orchestrators@0.1.0"]),
            ("m", read(&guest("other-version"))?, bad, &["dacapo:orchestration@9.0.0", "dacapo:orchestration@0.1.0"]),
            ("m", component[..component.len() / 2].to_vec(), unusable, &["The component cannot be used", "out of bounds"]),
            ("a%20b", component.clone(), bad, &["A module name has 1 to 256 characters", "found 'a b'"]),
            (&long, component.clone(), bad, &["A module name has 1 to 256 characters"]),
            ("m", read(&sample("Workloads"))?, StatusCode::CONFLICT, &["already exported by module 'Workloads'"]),
        ];
        for (name, bytes, code, words) in uploads {
            let message = refusal(server.put_module(name, bytes).await?, code).await?;
            for word in words {
                assert!(message.contains(word), "{word:?} is missing: {message}");
            }
        }
        let modules = expect(server.get(server.url("/api/modules")).await?, StatusCode::OK).await?;
        assert_eq!(modules.as_array().map(Vec::len), Some(1), "{modules}");
        server.interlude().await?;
        server.raise("bystander", "Go", json!(1)).await?;
        assert_eq!(server.ended("bystander").await?["output"], 1);
    }

    async fn instances_stay_on_the_version_they_began_with(server: &mut Server) {
        assert_eq!(server.deploy_as("flow", &guest("two-steps")).await?["version"], 1);
        server.start_instance("TwoSteps", "one", Value::Null).await?;
        // Played on by the other version, it would not match its history.
        let deployed = server.deploy_as("flow", &guest("two-steps-swapped")).await?;
        assert_eq!((&deployed["version"], &deployed["active"]), (&json!(2), &json!(true)));
        server.start_instance("twosteps", "two", Value::Null).await?;
        assert_eq!(versions(server, "flow").await?, (vec![1, 2], 2));
        server.interlude().await?;

        for version in ["1", "2"] {
            let message = refusal(delete_version(server, "flow", version).await?, StatusCode::CONFLICT).await?;
            assert!(message.contains(&format!("Version {version} of 'flow' is held by 1 unfinished")), "{message}");
        }
        server.raise("one", "Next", Value::Null).await?;
        assert_eq!(server.ended("one").await?["output"], json!(["a", "b"]));
        expect(delete_version(server, "flow", "1").await?, StatusCode::NO_CONTENT).await?;
        refusal(delete_version(server, "flow", "2").await?, StatusCode::CONFLICT).await?;
        assert_eq!(versions(server, "flow").await?, (vec![2], 2));
        server.interlude().await?;

        server.raise("two", "Next", Value::Null).await?;
        assert_eq!(server.ended("two").await?["output"], json!(["a", "b"]));
        assert_eq!(server.status("one").await?["output"], json!(["a", "b"]), "its version is gone, it is not");
        expect(delete_version(server, "flow", "2").await?, StatusCode::NO_CONTENT).await?;
        let start = server.post(server.api("/orchestrators/TwoSteps")).await?;
        let message = refusal(start, StatusCode::BAD_REQUEST).await?;
        assert!(message.contains("The function 'TwoSteps' doesn't exist"), "{message}");
    }

    async fn the_same_bytes_are_the_same_version(server: &mut Server) {
        let bytes = read(&guest("two-steps"))?;
        let first = expect(server.put_module("flow", bytes.clone()).await?, StatusCode::CREATED).await?;
        server.advance(std::time::Duration::from_secs(60));
        server.interlude().await?;
        let again = expect(server.put_module("flow", bytes.clone()).await?, StatusCode::OK).await?;
        assert_eq!(again, first);
        server.deploy_as("flow", &guest("two-steps-swapped")).await?;
        // Back to the first: it becomes active again, under its old number.
        let back = expect(server.put_module("flow", bytes).await?, StatusCode::OK).await?;
        assert_eq!((&back["version"], &back["digest"]), (&json!(1), &first["digest"]));
        assert_eq!(versions(server, "flow").await?, (vec![1, 2], 1));
        // Where the active one goes, the newest of the others takes its place.
        expect(delete_version(server, "flow", "1").await?, StatusCode::NO_CONTENT).await?;
        assert_eq!(versions(server, "flow").await?, (vec![2], 2));
        server.interlude().await?;
        assert_eq!(versions(server, "flow").await?, (vec![2], 2));
    }

    async fn modules_are_listed_shown_and_kept(server: &mut Server) {
        assert_eq!(expect(server.get(server.url("/api/modules")).await?, StatusCode::OK).await?, json!([]));
        let mut two_steps = server.deploy(&guest("two-steps")).await?;
        let mut cities = server.deploy(&sample("Cities")).await?;
        assert_eq!(cities["orchestrators"], json!(["HelloCities", "CityRecommender"]));
        assert_eq!(cities["activities"], json!(["SayHello"]));
        assert_eq!(cities["createdTime"], "2023-11-14T22:13:20Z");
        assert_eq!(cities["sizeBytes"], read(&sample("Cities"))?.len());
        assert_eq!(cities["digest"].as_str().map(str::len), Some(64));
        let imports = cities["imports"].as_array().context("a list")?;
        assert!(imports.iter().any(|import| import == "dacapo:orchestration/context@0.1.0"), "{imports:?}");

        // What is deployed is listed as it was, and with the instances that hold it.
        (two_steps["instances"], cities["instances"]) = (json!(0), json!(0));
        let before = expect(server.get(server.url("/api/modules")).await?, StatusCode::OK).await?;
        let names = before.as_array().context("a list")?.iter().map(|module| &module["name"]);
        assert_eq!(names.collect::<Vec<_>>(), ["Cities", "two-steps"]);
        assert_eq!(before[1]["versions"], json!([two_steps]));
        let one = expect(server.get(server.url("/api/modules/Cities")).await?, StatusCode::OK).await?;
        assert_eq!((&one, &one["versions"]), (&before[0], &json!([cities])));
        server.restart().await?;
        assert_eq!(expect(server.get(server.url("/api/modules")).await?, StatusCode::OK).await?, before);
        server.start_instance("HelloCities", "h", Value::Null).await?;
        assert_eq!(server.ended("h").await?["runtimeStatus"], "Completed");
    }

    async fn what_is_not_there_is_not_found(server: &mut Server) {
        server.deploy(&guest("two-steps")).await?;
        let message = refusal(server.get(server.url("/api/modules/Nobody")).await?, StatusCode::NOT_FOUND).await?;
        assert!(message.contains("'Nobody'"), "{message}");
        for (module, version) in [("Nobody", "1"), ("two-steps", "2"), ("two-steps", "x"), ("two-steps", "-1")] {
            let message = refusal(delete_version(server, module, version).await?, StatusCode::NOT_FOUND).await?;
            assert!(message.contains("There is no version") && message.contains(module), "{message}");
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_upload_above_the_limit_is_refused_by_name() -> Result<()> {
    Server::play(Way::Warm, async |server| {
        let message = refusal(server.put_module("large", vec![0; 40 << 20]).await?, StatusCode::PAYLOAD_TOO_LARGE);
        let message = message.await?;
        assert!(
            message.contains("has 41943040 bytes") && message.contains("`component_bytes` is 33554432"),
            "{message}"
        );
        server.health().await?;
        Ok(())
    })
    .await
}

/// The compiled modules of a server, by file name.
fn compiled(server: &Server) -> Result<BTreeMap<String, Vec<u8>>> {
    let mut files = BTreeMap::new();
    for entry in fs::read_dir(server.data().join("compiled"))? {
        let entry = entry?;
        let name = entry.file_name().into_string().ok().context("a name")?;
        if name.ends_with(".cwasm") {
            files.insert(name, fs::read(entry.path())?);
        }
    }
    Ok(files)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_is_refused_or_deleted_is_not_kept_compiled() -> Result<()> {
    Server::play(Way::Warm, async |server| {
        server.deploy(&sample("Workloads")).await?;
        let one = compiled(server)?;
        assert_eq!(one.len(), 1);
        for refused in ["no-exports", "conformance"] {
            let name = if refused == "conformance" { "not a name" } else { "m" };
            refusal(server.put_module(name, read(&guest(refused))?).await?, StatusCode::BAD_REQUEST).await?;
            assert_eq!(compiled(server)?, one, "{refused}");
        }
        server.deploy(&guest("two-steps")).await?;
        assert_eq!(compiled(server)?.len(), 2);
        expect(delete_version(server, "two-steps", "1").await?, StatusCode::NO_CONTENT).await?;
        assert_eq!(compiled(server)?, one);
        Ok(())
    })
    .await
}

/// The name of a compiled module with another authentication code, which is the last part of it.
fn with_code_of_zeros(name: &str) -> Result<String> {
    let (rest, code) = name.trim_end_matches(".cwasm").rsplit_once('-').context("a name ends with its code")?;
    Ok(format!("{rest}-{}.cwasm", "0".repeat(code.len())))
}

/// Has one module deployed, does `tamper` to its compiled file while the server is down, and lets an instance run.
/// Returns the name and the bytes that the file had.
async fn run_after(server: &mut Server, tamper: fn(PathBuf) -> Result<()>) -> Result<(String, Vec<u8>)> {
    server.deploy(&guest("two-steps")).await?;
    let (name, bytes) = compiled(server)?.into_iter().next().context("it was compiled")?;
    server.stop().await;
    tamper(server.data().join("compiled").join(&name))?;
    server.restart().await?;
    server.start_instance("TwoSteps", "t", Value::Null).await?;
    server.raise("t", "Next", Value::Null).await?;
    ensure!(server.ended("t").await?["output"] == json!(["a", "b"]), "it runs");
    Ok((name, bytes))
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_module_is_compiled_once_for_all_starts() -> Result<()> {
    Server::play(Way::Warm, async |server| {
        // Had it been compiled anew, the file would be writable again.
        let (name, bytes) = run_after(server, |file| {
            let mut permissions = fs::metadata(&file)?.permissions();
            permissions.set_readonly(true);
            Ok(fs::set_permissions(file, permissions)?)
        })
        .await?;
        assert!(fs::metadata(server.data().join("compiled").join(&name))?.permissions().readonly());
        assert_eq!(compiled(server)?, BTreeMap::from([(name, bytes)]));
        Ok(())
    })
    .await
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_compiled_module_that_was_tampered_with_is_compiled_anew() -> Result<()> {
    Server::play(Way::Warm, async |server| {
        let (name, bytes) = run_after(server, |file| {
            let mut bytes = fs::read(&file)?;
            let middle = bytes.len() / 2;
            bytes[middle] ^= 1;
            Ok(fs::write(file, bytes)?)
        })
        .await?;
        assert_eq!(compiled(server)?.get(&name), Some(&bytes), "the file is as it was compiled");
        Ok(())
    })
    .await
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_compiled_module_under_a_wrong_code_is_not_loaded_and_goes() -> Result<()> {
    Server::play(Way::Warm, async |server| {
        let (name, bytes) = run_after(server, |file| {
            let name = file.file_name().and_then(|name| name.to_str()).context("a name")?;
            Ok(fs::rename(&file, file.with_file_name(with_code_of_zeros(name)?))?)
        })
        .await?;
        // The wrong one goes, like all that is not ours.
        assert_eq!(compiled(server)?, BTreeMap::from([(name, bytes)]));
        Ok(())
    })
    .await
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn without_its_compiled_file_a_module_is_compiled_from_the_store() -> Result<()> {
    Server::play(Way::Warm, async |server| {
        let (name, bytes) = run_after(server, |file| Ok(fs::remove_file(file)?)).await?;
        assert_eq!(compiled(server)?, BTreeMap::from([(name, bytes)]));
        Ok(())
    })
    .await
}

//! Services in Go and Ruby that authenticate their callers with access tokens, with the code of `playground/integrations`.

use std::{
    fs::{self, File},
    io::{BufRead, BufReader},
    path::Path,
    process::{Child, Command, Stdio},
    sync::{Arc, Mutex, OnceLock},
    time::{Duration, Instant},
};

use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD as BASE64};
use jsonwebtoken::{Algorithm, EncodingKey, Header, encode};
use reqwest::header::{RETRY_AFTER, WWW_AUTHENTICATE};
use rstest::rstest;
use serde_json::{Value, json};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpListener,
};

use crate::{
    support::{Answer, EMAIL, Sqlite, TestApp},
    tokens::{jwks, parts, signing_key},
};

const INTEGRATIONS: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/playground/integrations");
const BUILT: &str = concat!(env!("CARGO_TARGET_TMPDIR"), "/go");
const GO: &str = "this test needs Go 1.19 or newer with golang-jwt 4 \
                  (on Debian: apt-get install golang-go golang-github-golang-jwt-jwt-dev)";
const RUBY: &str = "this test needs Ruby 3.1 or newer with jwt, rbnacl and WEBrick \
                    (on Debian: apt-get install ruby ruby-jwt ruby-rbnacl ruby-webrick)";

/// The directory in which Debian's package puts the library. The build uses it instead of downloading the library.
const GOLANG_JWT: &str = "/usr/share/gocode/src/github.com/golang-jwt/jwt";

#[derive(Clone, Copy, Debug)]
enum Language {
    Go,
    Ruby,
}

/// Builds the Go example, unless this has been done already.
fn build() {
    static DONE: OnceLock<()> = OnceLock::new();
    DONE.get_or_init(|| {
        fs::create_dir_all(BUILT).unwrap();
        // other processes wait here until the file is closed
        let alone = File::create(format!("{BUILT}/lock")).unwrap();
        alone.lock().unwrap();
        assert!(Path::new(GOLANG_JWT).is_dir(), "{GOLANG_JWT} does not exist; {GO}");
        let sources = format!("{INTEGRATIONS}/go");
        let module = fs::read_to_string(format!("{sources}/go.mod")).unwrap();
        let replaced = format!("{module}\nreplace github.com/golang-jwt/jwt/v4 => {GOLANG_JWT}\n");
        fs::write(format!("{BUILT}/go.mod"), replaced).unwrap();
        let mut go = Command::new("go");
        go.args(["build", "-buildvcs=false", "-modfile", &format!("{BUILT}/go.mod")]);
        go.args(["-o", &format!("{BUILT}/example"), "./example"]).current_dir(sources);
        go.envs([("GOCACHE", format!("{BUILT}/cache")), ("GOPATH", format!("{BUILT}/path"))]);
        go.envs([("GOENV", "off"), ("GOFLAGS", ""), ("GOPROXY", "off")]);
        let ended = go.output().unwrap_or_else(|error| panic!("go did not start: {error}; {GO}"));
        assert!(ended.status.success(), "{GO}:\n{}", String::from_utf8_lossy(&ended.stderr));
    });
}

/// A running example, and the address of its `/whoami`.
struct Service(Child, String);

impl Service {
    async fn start(language: Language, issuer: &str) -> Self {
        let issuer = issuer.to_owned();
        let start = move || {
            let (program, script, needs) = match language {
                Language::Go => {
                    build();
                    (format!("{BUILT}/example"), None, GO)
                }
                Language::Ruby => ("ruby".to_owned(), Some(format!("{INTEGRATIONS}/ruby/example.rb")), RUBY),
            };
            let mut command = Command::new(program);
            command.args(script).arg(issuer).stdin(Stdio::piped()).stdout(Stdio::piped());
            let fail = |error| panic!("{needs}: {error}");
            let mut child = command.spawn().unwrap_or_else(fail);
            let mut port = String::new();
            BufReader::new(child.stdout.take().unwrap()).read_line(&mut port).unwrap();
            assert!(!port.is_empty(), "{command:?} failed; {needs}");
            Self(child, format!("http://127.0.0.1:{}/whoami", port.trim()))
        };
        tokio::task::spawn_blocking(start).await.unwrap()
    }

    async fn ask(&self, app: &TestApp, authorization: Option<&str>) -> Answer {
        let mut request = app.http.get(&self.1);
        if let Some(authorization) = authorization {
            request = request.header("authorization", authorization);
        }
        Answer::of(request).await
    }

    async fn accepts(&self, app: &TestApp, token: &str) -> Value {
        let answer = self.ask(app, Some(&format!("Bearer {token}"))).await;
        assert_eq!(answer.status, 200, "{}", answer.text);
        answer.body
    }

    async fn refuses(&self, app: &TestApp, token: &str, why: &str) {
        let answer = self.ask(app, Some(&format!("Bearer {token}"))).await;
        assert_eq!(answer.status, 401, "{why}: {}", answer.text);
        assert_eq!(answer.headers[WWW_AUTHENTICATE], r#"Bearer error="invalid_token""#, "{why}");
    }
}

impl Drop for Service {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

#[rstest]
#[tokio::test(flavor = "multi_thread")]
async fn a_service_identifies_the_user_of_a_token_and_refuses_invalid_tokens(
    #[values(Language::Go, Language::Ruby)] language: Language,
    #[values("EdDSA", "ES256", "RS256")] algorithm: &str,
) {
    let app = TestApp::with(Sqlite, &[("JWT_ALGORITHM", algorithm)]).await;
    let ada = app.sign_up(EMAIL).await;
    let brief = app.another(&[("ACCESS_TOKEN_TTL", "2s")]).await.sign_in(EMAIL).await;
    let issued = Instant::now();
    let service = Service::start(language, &app.url).await;
    let expected = json!({ "user": ada.user_id, "session": ada.session_id, "email": EMAIL, "role": "USER" });
    assert_eq!(service.accepts(&app, &ada.access_token).await, expected);

    for (what, header) in [("no token", None), ("another scheme", Some("Basic YTpi"))] {
        let answer = service.ask(&app, header).await;
        assert_eq!(answer.status, 401, "{what}");
        assert_eq!(
            answer.headers[WWW_AUTHENTICATE], "Bearer",
            "{what}: an error code is only for tokens (RFC 6750 §3.1)"
        );
    }
    let (signed, signature) = ada.access_token.rsplit_once('.').unwrap();
    let (header, _) = signed.split_once('.').unwrap();
    let stranger = TestApp::with(Sqlite, &[("JWT_ALGORITHM", algorithm)]).await.sign_up(EMAIL).await;
    let elsewhere = app.another(&[("JWT_ISSUER", "https://other.example.org")]).await.sign_in(EMAIL).await;
    let not_for_us = app.another(&[("JWT_AUDIENCE", "https://other.example.org")]).await.sign_in(EMAIL).await;
    for (why, wrong) in [
        ("nothing", ""),
        ("a refresh token", &ada.refresh_token),
        ("two tokens", &format!("{0} {0}", ada.access_token)),
        ("not signed", &format!("{signed}.")),
        ("another's signature", &format!("{signed}.{}", signature.chars().rev().collect::<String>())),
        (
            "another's claims",
            &format!("{header}.{}.{signature}", stranger.access_token.split('.').nth(1).unwrap()),
        ),
        ("a token of another server", &stranger.access_token),
        ("signed with the same key for another issuer", &elsewhere.access_token),
        ("signed with the same key for another audience", &not_for_us.access_token),
    ] {
        service.refuses(&app, wrong, why).await;
    }
    tokio::time::sleep(Duration::from_secs(3).saturating_sub(issued.elapsed())).await;
    service.refuses(&app, &brief.access_token, "it has expired").await;
}

#[rstest]
#[tokio::test(flavor = "multi_thread")]
async fn a_service_refuses_forged_tokens_and_tokens_of_another_kind(
    #[values(Language::Go, Language::Ruby)] language: Language,
) {
    let app = TestApp::start(Sqlite).await;
    let token = app.sign_up(EMAIL).await.access_token;
    let service = Service::start(language, &app.url).await;
    let (header, claims) = parts(&token);
    let key = signing_key(&app.settings["SECRET_KEY"]);
    let sign = |typ: Option<&str>, claims: &Value| {
        let mut header = Header::new(Algorithm::EdDSA);
        header.kid = jsonwebtoken::decode_header(&token).unwrap().kid;
        header.typ = typ.map(Into::into);
        encode(&header, claims, &key).unwrap()
    };
    let with = |value: &Value, name: &str, new: Value| {
        let mut value = value.clone();
        value[name] = new;
        value
    };
    service.accepts(&app, &sign(Some("at+jwt"), &claims)).await;
    for typ in [None, Some("JWT"), Some("id+jwt")] {
        service.refuses(&app, &sign(typ, &claims), &format!("the type is {typ:?}")).await;
    }
    let past = claims["iat"].as_i64().unwrap() - 1;
    service.refuses(&app, &sign(Some("at+jwt"), &with(&claims, "exp", json!(past))), "it has expired").await;
    for name in ["exp", "iss", "aud", "sub", "sid"] {
        let mut claims = claims.clone();
        claims.as_object_mut().unwrap().remove(name);
        service.refuses(&app, &sign(Some("at+jwt"), &claims), &format!("`{name}` is missing")).await;
    }

    let keys = serde_json::to_value(jwks(&app).await).unwrap();
    let own = BASE64.decode(keys["keys"][0]["x"].as_str().unwrap()).unwrap();
    let mut hs256 = Header::new(Algorithm::HS256);
    hs256.typ = Some("at+jwt".into());
    hs256.kid = header["kid"].as_str().map(Into::into);
    let hs256 = encode(&hs256, &claims, &EncodingKey::from_secret(&own)).unwrap();
    service.refuses(&app, &hs256, "the public key is used as a secret").await;
    let (_, rest) = token.split_once('.').unwrap();
    for (name, value) in [
        ("alg", json!("none")),
        ("alg", json!("RS256")),
        ("alg", json!(null)),
        ("kid", json!(["x"])),
        ("kid", json!("../../dev/null")),
        ("kid", keys["keys"][1]["kid"].clone()),
    ] {
        let header = with(&header, name, value).to_string();
        service.refuses(&app, &format!("{}.{rest}", BASE64.encode(&header)), &header).await;
    }
    for header in ["null", "1", "[]", "\"at+jwt\"", "{", ""] {
        service.refuses(&app, &format!("{}.{rest}", BASE64.encode(header)), header).await;
    }
    service.refuses(&app, &".".repeat(7_000), "only dots").await;
    service.accepts(&app, &token).await;
}

/// An issuer's URL, and its keys with the number of times they have been fetched.
struct Issuer(String, Arc<Mutex<(Value, u32)>>);

impl Issuer {
    async fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        let keys = Arc::<Mutex<(Value, u32)>>::default();
        let issuer = Self(url.clone(), keys.clone());
        tokio::spawn(async move {
            while let Ok((mut socket, _)) = listener.accept().await {
                let mut request = [0; 4096];
                let read = socket.read(&mut request).await.unwrap();
                let body = if request[..read].starts_with(b"GET /keys ") {
                    let mut keys = keys.lock().unwrap();
                    keys.1 += 1;
                    keys.0.to_string()
                } else {
                    json!({ "issuer": url, "jwks_uri": format!("{url}/keys") }).to_string()
                };
                let head =
                    format!("HTTP/1.1 200 OK\r\nconnection: close\r\ncontent-length: {}\r\n\r\n", body.len());
                let _ = socket.write_all((head + &body).as_bytes()).await;
            }
        });
        issuer
    }
}

#[rstest]
#[tokio::test(flavor = "multi_thread")]
async fn a_new_key_is_fetched_once_and_forged_keys_cause_no_fetches(
    #[values(Language::Go, Language::Ruby)] language: Language,
) {
    let issuer = Issuer::start().await;
    let app = TestApp::with(Sqlite, &[("JWT_ISSUER", &issuer.0), ("JWT_AUDIENCE", &issuer.0)]).await;
    let former = app.sign_up(EMAIL).await.access_token;
    let latter = app.another(&[("JWT_ALGORITHM", "ES256")]).await.sign_in(EMAIL).await.access_token;
    let all = serde_json::to_value(jwks(&app).await).unwrap();
    issuer.1.lock().unwrap().0 = json!({ "keys": [all["keys"][0]] });
    let service = Service::start(language, &issuer.0).await;
    service.accepts(&app, &former).await;
    issuer.1.lock().unwrap().0 = all;
    service.accepts(&app, &former).await;
    assert_eq!(issuer.1.lock().unwrap().1, 1, "the keys are kept");
    service.accepts(&app, &latter).await;
    let (header, rest) = (parts(&former).0, former.split_once('.').unwrap().1);
    for kid in 0..20 {
        let mut header = header.clone();
        header["kid"] = json!(format!("forged-{kid}"));
        service.refuses(&app, &format!("{}.{rest}", BASE64.encode(header.to_string())), "no such key").await;
    }
    assert_eq!(issuer.1.lock().unwrap().1, 2);
    service.accepts(&app, &latter).await;
}

#[rstest]
#[tokio::test(flavor = "multi_thread")]
async fn while_the_keys_are_unavailable_every_token_gets_503(
    #[values(Language::Go, Language::Ruby)] language: Language,
) {
    let app = TestApp::start(Sqlite).await;
    let token = app.sign_up(EMAIL).await.access_token;
    let unlike = app.url.replace("127.0.0.1", "localhost");
    for (why, issuer) in
        [("nobody listens", "http://127.0.0.1:1"), ("the metadata names another issuer", &unlike)]
    {
        let service = Service::start(language, issuer).await;
        let answer = service.ask(&app, Some(&format!("Bearer {token}"))).await;
        assert_eq!(answer.status, 503, "{why}: {}", answer.text);
        assert_eq!(answer.headers[RETRY_AFTER], "5", "{why}");
    }
}

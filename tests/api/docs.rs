//! The documentation: links and anchors in the repository, and the pages that a development server shows.

use std::{
    collections::BTreeSet,
    fs,
    path::{Path, PathBuf},
};

use reqwest::{StatusCode, Url, header};

use crate::support::{Answer, Sqlite, TestApp};

const ROOT: &str = env!("CARGO_MANIFEST_DIR");
const DOCS: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/playground/docs");

/// Returns every file whose links are checked.
fn files() -> Vec<PathBuf> {
    let elsewhere = [
        "README.md",
        "benches/README.md",
        "playground/client/README.md",
        ".github/SECURITY.md",
        ".github/CHANGELOG.md",
        ".github/CONTRIBUTING.md",
    ];
    let pages = fs::read_dir(DOCS).unwrap().map(|entry| entry.unwrap().path());
    elsewhere.iter().map(|file| Path::new(ROOT).join(file)).chain(pages).collect()
}

/// Returns the lines of a Markdown file outside code blocks.
fn prose(file: &Path) -> Vec<String> {
    let text = fs::read_to_string(file).unwrap();
    let mut is_code = false;
    let outside = text.lines().filter(|line| {
        let is_fence = line.starts_with("```");
        is_code ^= is_fence;
        !is_code && !is_fence
    });
    outside.map(ToOwned::to_owned).collect()
}

/// Returns the anchors that GitHub generates for the headings of a file.
fn anchors(file: &Path) -> BTreeSet<String> {
    let mut anchors = BTreeSet::new();
    for line in prose(file) {
        let Some((_, heading)) =
            line.split_once(' ').filter(|(marks, _)| !marks.is_empty() && marks.trim_matches('#').is_empty())
        else {
            continue;
        };
        let kept = heading.to_lowercase();
        let kept = kept.chars().filter(|c| c.is_alphanumeric() || " -_".contains(*c));
        let anchor: String = kept.map(|c| if c == ' ' { '-' } else { c }).collect();
        assert!(anchors.insert(anchor), "{}: two headings `{heading}`", file.display());
    }
    anchors
}

/// Returns the targets of links and images.
fn targets(file: &Path) -> Vec<String> {
    let text = prose(file).join("\n");
    let links = text.split("](").skip(1).map(|rest| rest.split(')').next().unwrap());
    let pictures = ["src=\"", "srcset=\""].into_iter().flat_map(|name| text.split(name).skip(1));
    links.chain(pictures.map(|rest| rest.split('"').next().unwrap())).map(ToOwned::to_owned).collect()
}

#[test]
fn every_relative_link_points_to_a_file_and_every_anchor_to_a_heading() {
    let mut checked = 0;
    for file in files() {
        for target in targets(&file).into_iter().filter(|target| !target.contains("://")) {
            let (path, anchor) = target.split_once('#').unwrap_or((&target, ""));
            let to = if path.is_empty() { file.clone() } else { file.parent().unwrap().join(path) };
            assert!(to.exists(), "{}: {target} does not exist", file.display());
            assert!(
                anchor.is_empty() || anchors(&to).contains(anchor),
                "{}: {target} points to no heading",
                file.display()
            );
            checked += 1;
        }
    }
    assert!(checked > 80, "only {checked} links were found");
}

/// Every page must be in the list, which gives the menu its order.
#[test]
fn the_list_of_pages_is_complete() {
    let listed: BTreeSet<String> = targets(&Path::new(DOCS).join("README.md")).into_iter().collect();
    let pages = fs::read_dir(DOCS).unwrap().map(|entry| entry.unwrap().file_name().into_string().unwrap());
    let mut pages: BTreeSet<String> = pages.filter(|name| name != "README.md").collect();
    pages.insert("../client/README.md".to_owned());
    assert_eq!(listed, pages);
}

#[test]
fn the_front_page_is_short() {
    assert!(fs::metadata(format!("{ROOT}/README.md")).unwrap().len() <= 12_000);
}

async fn get(app: &TestApp, url: &Url) -> Answer {
    Answer::of(app.http.get(url.clone()).header(header::ACCEPT, "text/html")).await
}

/// Returns the path of each page, and its source file.
fn pages() -> Vec<(String, PathBuf)> {
    let files = fs::read_dir(DOCS).unwrap().map(|entry| entry.unwrap().path());
    let pages = files.map(|file| match file.file_stem().unwrap().to_str().unwrap() {
        "README" => ("docs".to_owned(), file),
        name => (format!("docs/{name}"), file),
    });
    let client = ("docs/typescript-client".to_owned(), Path::new(ROOT).join("playground/client/README.md"));
    pages.chain([client]).collect()
}

/// Returns the values of `href` in a page.
fn hrefs(html: &str) -> Vec<String> {
    html.split(" href=\"").skip(1).map(|rest| rest.split('"').next().unwrap().to_owned()).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_development_server_shows_every_page_and_their_links_work() {
    let app = TestApp::start(Sqlite).await;
    let base = Url::parse(&app.url).unwrap();
    let mut checked = BTreeSet::new();
    for (path, file) in pages() {
        let url = base.join(&path).unwrap();
        let page = get(&app, &url).await;
        assert_eq!(page.status, StatusCode::OK, "{path}");
        let title = prose(&file)[0].strip_prefix("# ").unwrap().to_owned();
        assert!(page.text.contains(&format!("<title>{title} · Gatehouse</title>")), "{path}: {title}");
        for section in anchors(&file) {
            assert!(page.text.contains(&format!(" id=\"{section}\"")), "{path} has no #{section}");
        }
        assert!(page.text.contains("<main") && !page.text.contains("{content}"), "{path}");

        for href in hrefs(&page.text).into_iter().filter(|href| !href.contains(':')) {
            let target = url.join(&href).unwrap();
            if !checked.insert(target.clone()) {
                continue;
            }
            let anchor = target.fragment().map(ToOwned::to_owned);
            let answer = get(&app, &target).await;
            assert_eq!(answer.status, StatusCode::OK, "{path}: {href}");
            assert!(
                anchor.is_none_or(|anchor| answer.text.contains(&format!(" id=\"{anchor}\""))),
                "{path}: {href} points to no heading"
            );
        }
    }
    assert!(checked.len() > 80, "only {} links were found", checked.len());
}

#[tokio::test(flavor = "multi_thread")]
async fn documentation_pages_run_no_scripts_and_load_nothing_from_other_origins() {
    let app = TestApp::start(Sqlite).await;
    for path in ["/docs", "/docs/mail"] {
        let page = get(&app, &Url::parse(&format!("{}{path}", app.url)).unwrap()).await;
        assert_eq!(
            page.header("content-security-policy"),
            "default-src 'none'; style-src 'self'; img-src data:; base-uri 'none'; form-action 'none'; \
             frame-ancestors 'none'"
        );
        assert!(!page.text.contains("<script") && !page.text.contains(" style="), "{path}");
        assert!(!page.text.contains(" src=") && !page.text.contains("<picture"), "{path}");
    }
    for path in ["/docs/none", "/docs/README", "/docs/..%2fgraphiql%2findex", "/docs/index"] {
        let page = get(&app, &Url::parse(&format!("{}{path}", app.url)).unwrap()).await;
        assert_eq!(page.status, StatusCode::NOT_FOUND, "{path}");
        assert_eq!(page.header("content-type"), "text/html; charset=utf-8");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn without_the_playground_there_is_no_documentation() {
    let app = TestApp::with(Sqlite, &[("PLAYGROUND", "off")]).await;
    for path in ["/docs", "/docs/mail"] {
        assert_eq!(app.http.get(format!("{}{path}", app.url)).send().await.unwrap().status(), 404, "{path}");
    }
}

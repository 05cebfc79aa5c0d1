//! The HTML page: well formed, nothing of what was compared is markup, and a browser shows it.

use std::process::Command;

use html5gum::{Token, Tokenizer};

use super::make::*;
use crate::context::Project;

const HOSTILE: &str = "<script>alert(1)</script>&\"'>.py";

/// A page about members with hostile names and hostile content.
fn page(project: &Project) -> String {
    let with = |text: &str| zip(&[member(HOSTILE, text), member("evil\u{1b}[31m\u{202e}.txt", text)]);
    project.write("a.zip", with("<img src=x onerror=alert(1)>\n"));
    project.write("b.zip", with("</pre><script>document.title = 'hacked'</script>\n"));
    project.run(&["diff", "a.zip", "b.zip", "--html", "page.html"]).code(5);
    project.read("page.html")
}

/// Tags that are left open, and every tag and text.
fn tokens(page: &str) -> (Vec<String>, Vec<String>, String) {
    let (mut open, mut tags, mut text) = (Vec::new(), Vec::new(), String::new());
    for token in Tokenizer::new(page) {
        match token.unwrap() {
            Token::StartTag(tag) => {
                let name = String::from_utf8(tag.name.0.clone()).unwrap();
                for (attribute, value) in &tag.attributes {
                    let (attribute, value) =
                        (String::from_utf8_lossy(attribute), String::from_utf8_lossy(value));
                    assert!(!attribute.starts_with("on") && !value.contains("://"), "{attribute}={value}");
                    assert!(!matches!(&*attribute, "src" | "href"), "{attribute}={value}");
                }
                if !matches!(name.as_str(), "meta" | "br") {
                    open.push(name.clone());
                }
                tags.push(name);
            }
            Token::EndTag(tag) => {
                let name = String::from_utf8(tag.name.0.clone()).unwrap();
                assert_eq!(open.pop(), Some(name));
            }
            Token::String(string) => text.push_str(&String::from_utf8_lossy(&string)),
            Token::Error(error) => panic!("{error:?}"),
            Token::Comment(_) | Token::Doctype(_) => {}
        }
    }
    (open, tags, text)
}

#[test]
fn the_page_is_well_formed_and_holds_no_foreign_markup() {
    let project = Project::new();
    let (open, tags, text) = tokens(&page(&project));
    assert_eq!(open, Vec::<String>::new());
    assert!(!tags.iter().any(|tag| matches!(tag.as_str(), "script" | "img" | "link" | "iframe")), "{tags:?}");
    assert!(
        text.contains(HOSTILE) && text.contains("onerror=alert(1)") && text.contains("different: content")
    );
    assert!(!text.contains(['\u{1b}', '\u{202e}']));
}

/// docs/reference/diff.md says how this is run.
#[test]
fn a_browser_shows_the_page() {
    let names = ["chromium", "chromium-browser", "google-chrome"];
    let found = names.iter().find(|name| Command::new(name).arg("--version").output().is_ok());
    let Some(browser) = found else { skipped!("no chromium here") };
    let project = Project::new();
    page(&project);
    let output = Command::new(browser)
        .args(["--headless", "--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage", "--dump-dom"])
        .arg(format!("--user-data-dir={}", project.join("browser").display()))
        .arg(format!("file://{}", project.join("page.html").display()))
        .output()
        .unwrap();
    let dom = String::from_utf8_lossy(&output.stdout);
    if dom.is_empty() {
        skipped!(
            "the browser does not start here: {}",
            String::from_utf8_lossy(&output.stderr).lines().last().unwrap_or_default()
        );
    }
    // Nothing ran: the title is ours, and the script is text.
    assert!(dom.contains("<title>a.zip and b.zip</title>"), "{dom}");
    assert!(dom.contains("&lt;script&gt;document.title = 'hacked'&lt;/script&gt;"), "{dom}");
    assert!(!dom.contains("<script"), "{dom}");
}

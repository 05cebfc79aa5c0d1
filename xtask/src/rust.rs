//! As much of Rust's syntax as the generated pages need: documented members of one enum or struct.

/// A variant of an enum or a field of a struct.
#[derive(Debug, PartialEq, Eq)]
pub struct Member {
    /// The variant's or field's name.
    pub name: String,
    /// What follows the name: a field's type.
    pub rest: String,
    /// Its documentation, on one line.
    pub doc: String,
}

/// The members of `header` (`pub enum Blame`), in order.
pub fn members(source: &str, header: &str) -> Result<Vec<Member>, String> {
    let opening = format!("{header} {{");
    let mut lines = source.lines().skip_while(|line| *line != opening);
    lines.next().ok_or_else(|| format!("`{opening}` is not there"))?;
    let mut members = Vec::new();
    let mut doc: Vec<&str> = Vec::new();
    for line in lines.take_while(|line| *line != "}").map(str::trim) {
        if let Some(text) = line.strip_prefix("///") {
            doc.push(text.trim());
        } else if !line.is_empty() && !line.starts_with('#') {
            let line = line.trim_start_matches("pub ").trim_end_matches(',');
            let end = line.find(|c: char| !(c.is_alphanumeric() || c == '_')).unwrap_or(line.len());
            let (name, rest) = line.split_at(end);
            let rest = rest.trim_start_matches(':').trim().to_owned();
            members.push(Member { name: name.to_owned(), rest, doc: doc.join(" ") });
            doc.clear();
        }
    }
    Ok(members)
}

/// The documentation that stands above `header`, on one line.
pub fn doc(source: &str, header: &str) -> Result<String, String> {
    let opening = format!("{header} {{");
    let mut doc: Vec<&str> = Vec::new();
    for line in source.lines() {
        if line == opening {
            return Ok(doc.join(" "));
        }
        match line.strip_prefix("///") {
            Some(text) => doc.push(text.trim()),
            None if line.starts_with("#[") => {}
            None => doc.clear(),
        }
    }
    Err(format!("`{opening}` is not there"))
}

#[test]
fn members_have_their_names_types_and_documentation() {
    let source = "/// One.\n/// Two.\n#[x]\npub struct A {\n    /// Some\n    /// text.\n    #[serde(default)]\n    pub b_c: Vec<u8>,\n}\n";
    let expected = Member { name: "b_c".into(), rest: "Vec<u8>".into(), doc: "Some text.".into() };
    assert_eq!(members(source, "pub struct A"), Ok(vec![expected]));
    assert_eq!(doc(source, "pub struct A"), Ok("One. Two.".to_owned()));
    assert!(members(source, "pub struct B").is_err());
}

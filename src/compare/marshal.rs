//! Python's marshal format, as byte code is written in: read into values whose references are resolved, so that two of
//! them tell what they differ in. Follows CPython's `Python/marshal.c`, of Python 3.

use std::collections::{BTreeSet, HashSet};

use super::model::Cause;
use super::text;
use super::walk::Broken;
use crate::digest::Sha256;

/// Values within values; byte code of people needs less than fifty.
const DEEPEST: usize = 150;
const MOST_VALUES: usize = 4_000_000;
/// The same by way of references, which a reader does not see.
const DEEPEST_REFERRED: usize = 300;
/// Steps of a comparison: references make more of them than there are values.
const MOST_STEPS: usize = 10_000_000;
/// Bytes of one module.
const LARGEST: usize = 256 << 20;

/// How code objects are written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Layout {
    /// Python 3.3 to 3.7.
    Old,
    /// Python 3.8 to 3.10: with positional-only arguments.
    Positional,
    /// Python 3.11 and later.
    New,
}

impl Layout {
    /// By the number that a `.pyc` file begins with.
    pub(super) fn of_magic(magic: u16) -> Option<Self> {
        match magic {
            3200..=3399 => Some(Self::Old),
            3400..=3449 => Some(Self::Positional),
            3450..=3999 => Some(Self::New),
            _ => None,
        }
    }

    /// By version, as PyInstaller writes it: 38, 311.
    pub(super) fn of_version(version: u32) -> Option<Self> {
        match version {
            33..=37 => Some(Self::Old),
            38 | 39 | 310 => Some(Self::Positional),
            311..=399 => Some(Self::New),
            _ => None,
        }
    }

    fn numbers(self) -> usize {
        match self {
            Self::Old | Self::New => 5,
            Self::Positional => 6,
        }
    }

    /// The objects before the first line's number, and those after it.
    fn objects(self) -> (&'static [&'static str], &'static [&'static str]) {
        match self {
            Self::Old | Self::Positional => (
                &["code", "consts", "names", "varnames", "freevars", "cellvars", "filename", "name"],
                &["lnotab"],
            ),
            Self::New => (
                &[
                    "code",
                    "consts",
                    "names",
                    "localsplusnames",
                    "localspluskinds",
                    "filename",
                    "name",
                    "qualname",
                ],
                &["linetable", "exceptiontable"],
            ),
        }
    }
}

/// A value; others are meant by their number.
enum Value {
    /// Numbers, constants, bytes: compared as they are.
    Plain(Vec<u8>),
    Text(String),
    /// Tuples, lists, and whatever else has an order.
    Ordered(Vec<usize>),
    /// Sets and frozen sets, and dictionaries with keys and values in turn.
    Unordered(Vec<usize>),
    Code {
        numbers: Vec<i32>,
        objects: Vec<(&'static str, usize)>,
    },
}

/// A whole marshalled value.
pub(super) struct Marshalled {
    values: Vec<Value>,
    /// Of each value: the digest of all that it holds, in order and with the order of sets left out.
    digests: Vec<[Sha256; 2]>,
    root: usize,
}

/// What two marshalled values differ in.
pub(super) struct Found {
    pub(super) causes: BTreeSet<Cause>,
    pub(super) examples: Vec<String>,
}

fn damaged(why: &str) -> Broken {
    Broken::Damaged(why.to_owned())
}

struct Parser<'a> {
    rest: &'a [u8],
    layout: Layout,
    values: Vec<Value>,
    references: Vec<Option<usize>>,
}

impl Marshalled {
    /// Reads one value; what follows it is left.
    ///
    /// # Errors
    /// It is none that this Python's layout explains.
    pub(super) fn read(bytes: &[u8], layout: Layout) -> Result<Self, Broken> {
        if bytes.len() > LARGEST {
            return Err(damaged("byte code is larger than is compared"));
        }
        let mut parser = Parser { rest: bytes, layout, values: Vec::new(), references: Vec::new() };
        let root = parser.value(0)?;
        let mut all = Self { values: parser.values, digests: Vec::new(), root };
        let mut depths: Vec<usize> = Vec::with_capacity(all.values.len());
        for value in &all.values {
            let depth = value.inner().map(|id| depths[id] + 1).max().unwrap_or_default();
            if depth > DEEPEST_REFERRED {
                return Err(damaged("byte code is nested deeper than is compared"));
            }
            depths.push(depth);
            let digest = all.digest(value);
            all.digests.push(digest);
        }
        Ok(all)
    }

    /// Every value comes after those that it holds.
    fn digest(&self, value: &Value) -> [Sha256; 2] {
        let of = |tag: u8, parts: &[Sha256]| {
            let mut bytes = vec![tag];
            for part in parts {
                bytes.extend_from_slice(part.as_bytes());
            }
            Sha256::of(bytes)
        };
        let inner = |ids: &[usize], which: usize| -> Vec<Sha256> {
            ids.iter().map(|id| self.digests[*id][which]).collect()
        };
        match value {
            Value::Plain(bytes) => [Sha256::of([b"p", bytes.as_slice()].concat()); 2],
            Value::Text(text) => [Sha256::of([b"t", text.as_bytes()].concat()); 2],
            Value::Ordered(ids) => [0, 1].map(|which| of(b'o', &inner(ids, which))),
            Value::Unordered(ids) => {
                let mut sorted = inner(ids, 1);
                sorted.sort_unstable();
                [of(b'u', &inner(ids, 0)), of(b'u', &sorted)]
            }
            Value::Code { numbers, objects } => {
                let numbers: Vec<u8> = numbers.iter().flat_map(|number| number.to_le_bytes()).collect();
                let ids: Vec<usize> = objects.iter().map(|(_, id)| *id).collect();
                [0, 1].map(|which| {
                    let mut parts = vec![Sha256::of(&numbers)];
                    parts.extend(inner(&ids, which));
                    of(b'c', &parts)
                })
            }
        }
    }

    /// Items of a list of tuples, or of a dictionary, as PyInstaller's table of contents is: name and three numbers.
    pub(super) fn table(&self) -> Option<Vec<(String, [u64; 3])>> {
        let text = |id: usize| match &self.values[id] {
            Value::Text(text) => Some(text.clone()),
            Value::Plain(bytes) => bytes.get(1..).map(|bytes| bytes.escape_ascii().to_string()),
            _ => None,
        };
        let number = |id: usize| match &self.values[id] {
            Value::Plain(bytes) => match bytes.as_slice() {
                [b'i', a, b, c, d] => Some(u64::from(u32::from_le_bytes([*a, *b, *c, *d]))),
                [b'F'] => Some(0),
                [b'T'] => Some(1),
                _ => None,
            },
            _ => None,
        };
        let row = |name: usize, numbers: usize| {
            let Value::Ordered(ids) = &self.values[numbers] else { return None };
            let [kind, offset, length] = ids.as_slice() else { return None };
            Some((text(name)?, [number(*kind)?, number(*offset)?, number(*length)?]))
        };
        match &self.values[self.root] {
            Value::Ordered(rows) => rows
                .iter()
                .map(|id| match &self.values[*id] {
                    Value::Ordered(pair) => row(*pair.first()?, *pair.get(1)?),
                    _ => None,
                })
                .collect(),
            Value::Unordered(pairs) => pairs.chunks_exact(2).map(|pair| row(pair[0], pair[1])).collect(),
            _ => None,
        }
    }
}

impl Value {
    /// The values that it holds.
    fn inner(&self) -> Box<dyn Iterator<Item = usize> + '_> {
        match self {
            Self::Plain(_) | Self::Text(_) => Box::new(std::iter::empty()),
            Self::Ordered(ids) | Self::Unordered(ids) => Box::new(ids.iter().copied()),
            Self::Code { objects, .. } => Box::new(objects.iter().map(|(_, id)| *id)),
        }
    }
}

impl Parser<'_> {
    fn take(&mut self, count: usize) -> Result<&[u8], Broken> {
        let (taken, rest) =
            self.rest.split_at_checked(count).ok_or_else(|| damaged("byte code is cut off"))?;
        self.rest = rest;
        Ok(taken)
    }

    fn byte(&mut self) -> Result<u8, Broken> {
        Ok(self.take(1)?[0])
    }

    fn number(&mut self) -> Result<i32, Broken> {
        let bytes = self.take(4)?;
        Ok(i32::from_le_bytes([bytes[0], bytes[1], bytes[2], bytes[3]]))
    }

    fn length(&mut self) -> Result<usize, Broken> {
        usize::try_from(self.number()?).map_err(|_| damaged("byte code has a negative length"))
    }

    fn items(&mut self, count: usize, depth: usize) -> Result<Vec<usize>, Broken> {
        // Each item takes a byte at least.
        if count > self.rest.len() {
            return Err(damaged("byte code is cut off"));
        }
        (0..count).map(|_| self.value(depth + 1)).collect()
    }

    fn add(&mut self, value: Value) -> Result<usize, Broken> {
        if self.values.len() >= MOST_VALUES {
            return Err(damaged("byte code has more values than are compared"));
        }
        self.values.push(value);
        Ok(self.values.len() - 1)
    }

    fn value(&mut self, depth: usize) -> Result<usize, Broken> {
        if depth > DEEPEST {
            return Err(damaged("byte code is nested deeper than is compared"));
        }
        let tag = self.byte()?;
        let (kind, referred) = (tag & 0x7f, tag & 0x80 != 0);
        if kind == b'r' {
            let index = self.length()?;
            let there = self.references.get(index).copied().flatten();
            return there.ok_or_else(|| damaged("byte code refers to what is not there"));
        }
        // CPython gives an object its number before it reads what is in it.
        let place = referred.then(|| {
            self.references.push(None);
            self.references.len() - 1
        });
        let value = self.content(kind, depth)?;
        let id = self.add(value)?;
        if let Some(place) = place {
            self.references[place] = Some(id);
        }
        Ok(id)
    }

    fn content(&mut self, kind: u8, depth: usize) -> Result<Value, Broken> {
        let plain = |bytes: &[u8]| Value::Plain([&[kind], bytes].concat());
        Ok(match kind {
            b'0' | b'N' | b'F' | b'T' | b'S' | b'.' => plain(&[]),
            b'i' => plain(self.take(4)?),
            b'I' | b'g' => plain(self.take(8)?),
            b'y' => plain(self.take(16)?),
            b'l' => {
                // Digits of 15 bits each; the sign is that of their count.
                let count = self.number()?;
                let digits = usize::try_from(count.unsigned_abs()).unwrap_or(usize::MAX);
                let bytes = self.take(digits.saturating_mul(2))?;
                plain(&[&count.to_le_bytes(), bytes].concat())
            }
            b'f' | b'x' => {
                let mut text = Vec::new();
                for _ in 0..if kind == b'x' { 2 } else { 1 } {
                    let length = self.byte()?.into();
                    text.extend_from_slice(self.take(length)?);
                    text.push(b' ');
                }
                plain(&text)
            }
            b's' => {
                let length = self.length()?;
                Value::Plain([b"s", self.take(length)?].concat())
            }
            b'u' | b't' | b'a' | b'A' => {
                let length = self.length()?;
                Value::Text(String::from_utf8_lossy(self.take(length)?).into_owned())
            }
            b'z' | b'Z' => {
                let length = self.byte()?.into();
                Value::Text(String::from_utf8_lossy(self.take(length)?).into_owned())
            }
            b')' => {
                let count = self.byte()?.into();
                Value::Ordered(self.items(count, depth)?)
            }
            b'(' | b'[' => {
                let count = self.length()?;
                Value::Ordered(self.items(count, depth)?)
            }
            b'<' | b'>' => {
                let count = self.length()?;
                Value::Unordered(self.items(count, depth)?)
            }
            b':' => Value::Ordered(self.items(3, depth)?),
            b'{' => {
                let mut pairs = Vec::new();
                while self.rest.first() != Some(&b'0') {
                    pairs.push(self.value(depth + 1)?);
                    pairs.push(self.value(depth + 1)?);
                }
                self.byte()?;
                Value::Unordered(pairs)
            }
            b'c' => self.code(depth)?,
            other => return Err(Broken::Damaged(format!("byte code has a value of kind {other:#04x}"))),
        })
    }

    fn code(&mut self, depth: usize) -> Result<Value, Broken> {
        let (before, after) = self.layout.objects();
        let mut numbers = Vec::new();
        for _ in 0..self.layout.numbers() {
            numbers.push(self.number()?);
        }
        let mut objects = Vec::new();
        for name in before {
            objects.push((*name, self.value(depth + 1)?));
        }
        numbers.push(self.number()?);
        for name in after {
            objects.push((*name, self.value(depth + 1)?));
        }
        Ok(Value::Code { numbers, objects })
    }
}

/// What two values differ in. Nothing but the way in which they are written: [`Cause::MarshalReferences`].
pub(super) fn compare(a: &Marshalled, b: &Marshalled) -> Found {
    let mut comparison = Comparison {
        a,
        b,
        steps: 0,
        seen: HashSet::new(),
        found: Found { causes: BTreeSet::new(), examples: Vec::new() },
    };
    comparison.values(a.root, b.root, "");
    let mut found = comparison.found;
    if found.causes.is_empty() {
        found.causes.insert(Cause::MarshalReferences);
        found.examples.push("the same values, written with other references".to_owned());
    }
    found
}

struct Comparison<'a> {
    a: &'a Marshalled,
    b: &'a Marshalled,
    steps: usize,
    seen: HashSet<(usize, usize)>,
    found: Found,
}

impl Comparison<'_> {
    fn note(&mut self, causes: impl IntoIterator<Item = Cause>, example: impl FnOnce() -> String) {
        self.found.causes.extend(causes);
        if self.found.examples.len() < 4 {
            self.found.examples.push(example());
        }
    }

    fn values(&mut self, one: usize, two: usize, inside: &str) {
        let (digests_a, digests_b) = (self.a.digests[one], self.b.digests[two]);
        self.steps += 1;
        if digests_a[0] == digests_b[0] || !self.seen.insert((one, two)) {
            return;
        }
        if self.steps > MOST_STEPS {
            return self.note([Cause::Content], || "more values than are compared".to_owned());
        }
        match (&self.a.values[one], &self.b.values[two]) {
            (Value::Unordered(_), Value::Unordered(_)) if digests_a[1] == digests_b[1] => {
                self.note([Cause::HashSeed], || format!("{inside}: a set in another order"));
            }
            (Value::Ordered(a), Value::Ordered(b)) if a.len() == b.len() => {
                for (one, two) in a.iter().zip(b) {
                    self.values(*one, *two, inside);
                }
            }
            (Value::Text(a), Value::Text(b)) => {
                let causes = text::causes(a, b);
                self.note(causes, || format!("{inside}: {} → {}", text::shortened(a), text::shortened(b)));
            }
            (Value::Code { numbers: one, objects: a }, Value::Code { numbers: two, objects: b }) => {
                self.code((one, a), (two, b), inside);
            }
            _ => self.note([Cause::Content], || format!("{inside}: other values")),
        }
    }

    fn code(
        &mut self,
        (numbers_a, a): (&[i32], &[(&'static str, usize)]),
        (numbers_b, b): (&[i32], &[(&'static str, usize)]),
        inside: &str,
    ) {
        let name = a.iter().find(|(field, _)| *field == "name").map(|(_, id)| &self.a.values[*id]);
        let name = match name {
            Some(Value::Text(name)) => match inside.rsplit_once(", ") {
                Some((outer, _)) => format!("{outer}.{}", text::shortened(name)),
                None => text::shortened(name),
            },
            _ => inside.to_owned(),
        };
        if numbers_a != numbers_b {
            self.note([Cause::Content], || format!("{name}: arguments, flags or line"));
        }
        for ((field, one), (_, two)) in a.iter().zip(b) {
            if *field != "filename" {
                self.values(*one, *two, &format!("{name}, {field}"));
                continue;
            }
            if let (Value::Text(file_a), Value::Text(file_b)) = (&self.a.values[*one], &self.b.values[*two])
                && file_a != file_b
                && self.seen.insert((*one, *two))
            {
                self.note([Cause::EmbeddedPath], || {
                    format!("source file: {} → {}", text::shortened(file_a), text::shortened(file_b))
                });
            }
        }
    }
}

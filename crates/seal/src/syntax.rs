//! As much of the syntax of PDF (ISO 32000-1, 7.3) as a signature needs: values are read and written, a document of one
//! revision with a plain cross-reference table is looked up. Whatever is read may be hostile: nothing here panics, and
//! nothing takes more memory than a small multiple of the bytes it reads.

use std::collections::BTreeMap;

/// How deep arrays and dictionaries may nest.
const DEPTH: usize = 16;

/// What is not as it should be.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Malformed(pub &'static str);

/// A value.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Value {
    Null,
    Bool(bool),
    /// As it was written.
    Number(String),
    /// As it was written, without its slash.
    Name(String),
    /// A string of bytes.
    Text(Vec<u8>),
    Array(Vec<Value>),
    Dict(Dict),
    Reference(u32, u16),
}

impl Value {
    pub(crate) fn number(n: usize) -> Self {
        Self::Number(n.to_string())
    }

    pub(crate) fn name(name: &str) -> Self {
        Self::Name(name.to_owned())
    }

    pub(crate) const fn object(number: u32) -> Self {
        Self::Reference(number, 0)
    }

    pub(crate) fn as_number(&self) -> Option<usize> {
        if let Self::Number(digits) = self { digits.parse().ok() } else { None }
    }

    /// Writes the value; strings in hexadecimal.
    pub(crate) fn write(&self, out: &mut Vec<u8>) {
        match self {
            Self::Null => out.extend(b"null"),
            Self::Bool(true) => out.extend(b"true"),
            Self::Bool(false) => out.extend(b"false"),
            Self::Number(digits) => out.extend(digits.bytes()),
            Self::Name(name) => {
                out.push(b'/');
                out.extend(name.bytes());
            }
            Self::Text(bytes) => {
                out.push(b'<');
                out.extend(bytes.iter().flat_map(|byte| hex(*byte)));
                out.push(b'>');
            }
            Self::Array(values) => {
                out.push(b'[');
                for (n, value) in values.iter().enumerate() {
                    if n > 0 {
                        out.push(b' ');
                    }
                    value.write(out);
                }
                out.push(b']');
            }
            Self::Dict(dict) => dict.write(out),
            Self::Reference(number, generation) => out.extend(format!("{number} {generation} R").bytes()),
        }
    }
}

/// Two hexadecimal digits.
pub(crate) fn hex(byte: u8) -> [u8; 2] {
    const DIGITS: &[u8; 16] = b"0123456789ABCDEF";
    [DIGITS[usize::from(byte >> 4)], DIGITS[usize::from(byte & 15)]]
}

/// A dictionary, in the order in which it was written.
#[derive(Debug, Clone, Default, PartialEq)]
pub(crate) struct Dict(Vec<(String, Value)>);

impl Dict {
    pub(crate) fn get(&self, key: &str) -> Option<&Value> {
        self.0.iter().find(|(k, _)| k == key).map(|(_, v)| v)
    }

    pub(crate) fn set(&mut self, key: &str, value: Value) {
        match self.0.iter_mut().find(|(k, _)| k == key) {
            Some((_, old)) => *old = value,
            None => self.0.push((key.to_owned(), value)),
        }
    }

    pub(crate) fn with(mut self, key: &str, value: Value) -> Self {
        self.set(key, value);
        self
    }

    fn write(&self, out: &mut Vec<u8>) {
        out.extend(b"<<");
        for (key, value) in &self.0 {
            out.push(b'/');
            out.extend(key.bytes());
            out.push(b' ');
            value.write(out);
        }
        out.extend(b">>");
    }
}

/// Reads values from bytes.
pub(crate) struct Reader<'a> {
    bytes: &'a [u8],
    at: usize,
}

impl<'a> Reader<'a> {
    pub(crate) const fn at(bytes: &'a [u8], at: usize) -> Self {
        Self { bytes, at }
    }

    fn peek(&self) -> Option<u8> {
        self.bytes.get(self.at).copied()
    }

    fn rest(&self) -> &'a [u8] {
        self.bytes.get(self.at..).unwrap_or_default()
    }

    /// Passes blanks and comments.
    pub(crate) fn skip(&mut self) {
        while let Some(byte) = self.peek() {
            match byte {
                0 | b'\t' | b'\n' | 12 | b'\r' | b' ' => self.at += 1,
                b'%' => {
                    while self.peek().is_some_and(|b| b != b'\n' && b != b'\r') {
                        self.at += 1;
                    }
                }
                _ => return,
            }
        }
    }

    /// Passes this word, or says that something else stands there.
    pub(crate) fn word(&mut self, word: &'static str) -> Result<(), Malformed> {
        self.skip();
        if self.rest().starts_with(word.as_bytes()) {
            self.at += word.len();
            Ok(())
        } else {
            Err(Malformed("another word was expected"))
        }
    }

    /// An unsigned whole number.
    pub(crate) fn integer(&mut self) -> Result<usize, Malformed> {
        self.skip();
        let digits: &[u8] = self.rest();
        let n = digits.iter().take(12).take_while(|b| b.is_ascii_digit()).count();
        let text = std::str::from_utf8(&digits[..n]).unwrap_or_default();
        self.at += n;
        text.parse().map_err(|_| Malformed("a number was expected"))
    }

    pub(crate) fn value(&mut self) -> Result<Value, Malformed> {
        self.nested(DEPTH)
    }

    /// A value that must be a dictionary.
    pub(crate) fn dict(&mut self) -> Result<Dict, Malformed> {
        match self.value()? {
            Value::Dict(dict) => Ok(dict),
            _ => Err(Malformed("a dictionary was expected")),
        }
    }

    fn nested(&mut self, depth: usize) -> Result<Value, Malformed> {
        let depth = depth.checked_sub(1).ok_or(Malformed("values nest too deep"))?;
        self.skip();
        match self.peek().ok_or(Malformed("the file ends early"))? {
            b'<' if self.rest().starts_with(b"<<") => {
                self.at += 2;
                let mut dict = Dict::default();
                loop {
                    self.skip();
                    if self.rest().starts_with(b">>") {
                        self.at += 2;
                        return Ok(Value::Dict(dict));
                    }
                    let Value::Name(key) = self.nested(depth)? else {
                        return Err(Malformed("a key was expected"));
                    };
                    let value = self.nested(depth)?;
                    dict.0.push((key, value));
                }
            }
            b'<' => self.hexadecimal(),
            b'(' => self.literal(),
            b'[' => {
                self.at += 1;
                let mut values = Vec::new();
                loop {
                    self.skip();
                    if self.peek() == Some(b']') {
                        self.at += 1;
                        return Ok(Value::Array(values));
                    }
                    values.push(self.nested(depth)?);
                }
            }
            b'/' => {
                self.at += 1;
                Ok(Value::Name(self.regular()?))
            }
            b'0'..=b'9' | b'+' | b'-' | b'.' => self.number_or_reference(),
            _ => match self.regular()?.as_str() {
                "true" => Ok(Value::Bool(true)),
                "false" => Ok(Value::Bool(false)),
                "null" => Ok(Value::Null),
                _ => Err(Malformed("an unknown word")),
            },
        }
    }

    /// The characters up to the next delimiter.
    fn regular(&mut self) -> Result<String, Malformed> {
        let rest = self.rest();
        let n = rest.iter().take_while(|b| b.is_ascii_graphic() && !b"()<>[]{}/%".contains(b)).count();
        self.at += n;
        if n == 0 {
            return Err(Malformed("a word was expected"));
        }
        Ok(String::from_utf8_lossy(&rest[..n]).into_owned())
    }

    fn number_or_reference(&mut self) -> Result<Value, Malformed> {
        let digits = self.regular()?;
        if !digits.bytes().all(|b| b.is_ascii_digit() || b"+-.".contains(&b)) {
            return Err(Malformed("a number was expected"));
        }
        let after = self.at;
        if let (Ok(number), Ok(generation)) = (digits.parse(), self.integer())
            && let Ok(generation) = u16::try_from(generation)
            && self.word("R").is_ok()
            && self.peek().is_none_or(|b| !b.is_ascii_alphanumeric())
        {
            return Ok(Value::Reference(number, generation));
        }
        self.at = after;
        Ok(Value::Number(digits))
    }

    fn hexadecimal(&mut self) -> Result<Value, Malformed> {
        self.at += 1;
        let rest = self.rest();
        let n = rest.iter().position(|b| *b == b'>').ok_or(Malformed("a string does not end"))?;
        self.at += n + 1;
        let digits: Option<Vec<u8>> =
            rest[..n].iter().filter(|b| !b.is_ascii_whitespace()).map(|b| digit(*b)).collect();
        let digits = digits.ok_or(Malformed("a string is not hexadecimal"))?;
        Ok(Value::Text(digits.chunks(2).map(|pair| pair[0] << 4 | pair.get(1).copied().unwrap_or(0)).collect()))
    }

    fn literal(&mut self) -> Result<Value, Malformed> {
        self.at += 1;
        let mut text = Vec::new();
        let mut open = 0_usize;
        while let Some(byte) = self.peek() {
            self.at += 1;
            match byte {
                b'(' => {
                    open += 1;
                    text.push(byte);
                }
                b')' if open == 0 => return Ok(Value::Text(text)),
                b')' => {
                    open -= 1;
                    text.push(byte);
                }
                b'\\' => self.escape(&mut text)?,
                _ => text.push(byte),
            }
        }
        Err(Malformed("a string does not end"))
    }

    fn escape(&mut self, text: &mut Vec<u8>) -> Result<(), Malformed> {
        let byte = self.peek().ok_or(Malformed("a string does not end"))?;
        self.at += 1;
        match byte {
            b'n' => text.push(b'\n'),
            b'r' => text.push(b'\r'),
            b't' => text.push(b'\t'),
            b'b' => text.push(8),
            b'f' => text.push(12),
            b'0'..=b'7' => {
                let mut code = u16::from(byte - b'0');
                for _ in 0..2 {
                    let Some(next @ b'0'..=b'7') = self.peek() else { break };
                    code = code * 8 + u16::from(next - b'0');
                    self.at += 1;
                }
                text.push(u8::try_from(code & 0xff).unwrap_or_default());
            }
            b'\n' => {}
            b'\r' => {
                if self.peek() == Some(b'\n') {
                    self.at += 1;
                }
            }
            other => text.push(other),
        }
        Ok(())
    }
}

/// The value of a hexadecimal digit.
pub(crate) fn digit(byte: u8) -> Option<u8> {
    char::from(byte).to_digit(16).and_then(|d| u8::try_from(d).ok())
}

/// Where these bytes stand last.
pub(crate) fn last(bytes: &[u8], wanted: &[u8]) -> Option<usize> {
    bytes.windows(wanted.len()).rposition(|window| window == wanted)
}

/// A document of one revision with a plain cross-reference table, as the typesetter writes it.
pub(crate) struct Document<'a> {
    bytes: &'a [u8],
    /// Where its cross-reference table begins.
    pub(crate) table: usize,
    offsets: BTreeMap<u32, usize>,
    pub(crate) trailer: Dict,
}

impl<'a> Document<'a> {
    /// Reads table and trailer.
    pub(crate) fn read(bytes: &'a [u8]) -> Result<Self, Malformed> {
        if !bytes.starts_with(b"%PDF-1.") {
            return Err(Malformed("it does not begin like a PDF"));
        }
        let tail = bytes.len().saturating_sub(1024);
        let start = last(&bytes[tail..], b"startxref").ok_or(Malformed("it does not end like a PDF"))?;
        let mut reader = Reader::at(bytes, tail + start);
        reader.word("startxref")?;
        let table = reader.integer()?;
        let mut reader = Reader::at(bytes, table);
        reader.word("xref")?;
        let mut offsets = BTreeMap::new();
        while reader.word("trailer").is_err() {
            let first = reader.integer()?;
            let count = reader.integer()?;
            // Twenty bytes each.
            if count > bytes.len() / 20 {
                return Err(Malformed("the cross-reference table is too long"));
            }
            for n in 0..count {
                let offset = reader.integer()?;
                reader.integer()?;
                reader.skip();
                let kind = reader.peek();
                reader.at += 1;
                if kind == Some(b'n') {
                    let number = u32::try_from(first.saturating_add(n)).map_err(|_| Malformed("an object number"))?;
                    offsets.insert(number, offset);
                }
            }
        }
        let trailer = reader.dict()?;
        if trailer.get("Prev").is_some() || trailer.get("Encrypt").is_some() || trailer.get("XRefStm").is_some() {
            return Err(Malformed("it has more than one revision, or is encrypted"));
        }
        Ok(Self { bytes, table, offsets, trailer })
    }

    /// The dictionary of an object.
    pub(crate) fn object(&self, number: u32) -> Result<Dict, Malformed> {
        let offset = *self.offsets.get(&number).ok_or(Malformed("an object is missing"))?;
        let mut reader = Reader::at(self.bytes, offset);
        if reader.integer()? != usize::try_from(number).unwrap_or_default() {
            return Err(Malformed("the cross-reference table is wrong"));
        }
        reader.integer()?;
        reader.word("obj")?;
        reader.dict()
    }

    /// The number of the object that a key of a dictionary refers to.
    pub(crate) fn referred(dict: &Dict, key: &str) -> Result<u32, Malformed> {
        match dict.get(key) {
            Some(Value::Reference(number, _)) => Ok(*number),
            _ => Err(Malformed("a reference is missing")),
        }
    }

    /// One more than the largest number of an object.
    pub(crate) fn size(&self) -> Result<u32, Malformed> {
        let size = self.trailer.get("Size").and_then(Value::as_number).and_then(|n| u32::try_from(n).ok());
        size.filter(|size| self.offsets.keys().all(|n| n < size)).ok_or(Malformed("its size is missing"))
    }
}

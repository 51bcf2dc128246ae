//! What follows from the table of options: the struct that is stored, its setters, the keys of a
//! batch's line, what listings show, and the rows as data.

/// Declares the options; see the table for how a row reads.
macro_rules! options {
    ($(
        $(#[doc = $doc:literal])*
        $shape:ident $(<$of:ty>)? $name:ident $(($setter:tt))? $(with $beside:ident)? = $stored:literal, $topic:ident
            $(, $spelt:literal, $help:literal)? $(must $is_good:expr, $refusal:literal)?;
    )*) => {
        /// How a request is sent. The default is what a request without options gets.
        ///
        /// ```
        /// use slipstream_http::{Auth, HttpRequest, Options};
        ///
        /// let options = Options::new().user("me", "sesame").auth(Auth::Digest).follow();
        /// let request = HttpRequest::post("https://example.com/hook").options(options);
        /// ```
        #[derive(Clone, PartialEq, Eq, Default, ::serde::Serialize, ::serde::Deserialize)]
        #[serde(default)]
        pub struct Options {
            // The option that a batch's line sets by its headers.
            #[serde(skip_serializing_if = "is_default")]
            pub(crate) without: Vec<String>,
            $(
                #[serde(rename = $stored, skip_serializing_if = "is_default")]
                pub(crate) $name: <$shape $(<$of>)? as Shape>::Stored,
            )*
        }

        impl Options {
            $(setter! { [$($doc)*] $shape [$($of)?] $name [$($setter)?] })*

            /// Refuses a value that its row refuses, and a text that would end early in C.
            pub(crate) fn check_values(&self) -> Result<(), Invalid> {
                $(
                    if <$shape $(<$of>)? as Shape>::holds_nul(&self.$name) {
                        return Err(Invalid::new(concat!(
                            "invalid ",
                            stringify!($name),
                            "; expected a text without NUL"
                        )));
                    }
                    $(
                        if !passes(&self.$name, $is_good) {
                            return Err(Invalid::new($refusal));
                        }
                    )?
                )*
                Ok(())
            }

            /// The options that are set, each with what may be shown of it. Names are those of a
            /// batch's line.
            pub fn masked(&self) -> Vec<(&'static str, String)> {
                let mut shown = Vec::new();
                if !is_default(&self.without) {
                    shown.push(("without_headers", List::shown(&self.without)));
                }
                $(if !is_default(&self.$name) {
                    shown.push((stringify!($name), <$shape $(<$of>)? as Shape>::shown(&self.$name)));
                })*
                shown
            }
        }

        /// All options that a key in a line of a batch represents.
        pub const OPTIONS: &[OptionRow] = &[$(OptionRow {
            name: stringify!($name),
            stored: $stored,
            about: concat!($($doc),*),
            topic: Topic::$topic,
            value: <$shape $(<$of>)? as Shape>::VALUE,
            redaction: <$shape $(<$of>)? as Shape>::REDACTION,
            said: said!($($spelt, $help)?),
            set: |options, value| {
                let stored = std::mem::take(&mut options.$name);
                let set = <$shape $(<$of>)? as Shape>::set(stored, value);
                set.map(|value| options.$name = value).is_some()
            },
        }),*];

        /// An option, as the table has it.
        #[derive(Debug, Clone, Copy)]
        #[non_exhaustive]
        pub struct OptionRow {
            /// Its key in a line of a batch, which listings show, too.
            pub name: &'static str,
            /// Its key in a stored request.
            pub stored: &'static str,
            /// What it does.
            pub about: &'static str,
            /// What it is about.
            pub topic: Topic,
            /// What it takes.
            pub value: ValueShape,
            /// What listings show of it.
            pub redaction: Redaction,
            /// How a command line spells it (`-m --max-time SECONDS`), and the help for it, if its value
            /// there is its value here.
            pub said: Option<(&'static str, &'static str)>,
            pub(crate) set: fn(&mut Options, OptionValue) -> bool,
        }

        impl Options {
            /// The rows of the options about this that are set.
            #[cfg(feature = "deliver")]
            pub(crate) fn set_of(&self, topic: Topic) -> impl Iterator<Item = &'static OptionRow> {
                let set = self.masked();
                let rows = OPTIONS.iter().filter(move |row| row.topic == topic);
                rows.filter(move |row| set.iter().any(|(name, _)| *name == row.name))
            }

            /// Sets the option of a row.
            ///
            /// # Errors
            /// When the value is not valid for an option of its shape.
            pub fn set(mut self, row: &OptionRow, value: OptionValue) -> Result<Self, Invalid> {
                match (row.set)(&mut self, value) {
                    true => Ok(self),
                    false => Err(Invalid::new(format!(
                        "invalid value of option '{}'; expected one of its shape, {:?}",
                        row.name, row.value
                    ))),
                }
            }
        }

        /// A line of a batch as it is written.
        #[derive(::serde::Deserialize)]
        #[serde(deny_unknown_fields)]
        pub(crate) struct Line<'a> {
            pub(crate) url: String,
            pub(crate) method: Option<String>,
            #[serde(default)]
            pub(crate) headers: Headers,
            pub(crate) body: Option<String>,
            pub(crate) body_base64: Option<String>,
            // `"json":null` is a body of four characters, not the absence of one.
            #[serde(borrow, default, deserialize_with = "present")]
            pub(crate) json: Option<&'a RawValue>,
            $(
                $(#[serde(default)] pub(crate) $beside: bool,)?
                #[serde(default)]
                pub(crate) $name: <$shape $(<$of>)? as Shape>::Json,
            )*
        }

        impl Line<'_> {
            /// How its request is sent, but for what it says by its headers, and by keys that no
            /// option has.
            pub(crate) fn options(self) -> Result<Options, Invalid> {
                Ok(Options {
                    $($name: <$shape $(<$of>)? as Shape>::of_json(stringify!($name), self.$name)?,)*
                    ..Options::default()
                })
            }
        }
    };
}

macro_rules! said {
    () => {
        None
    };
    ($spelt:literal, $help:literal) => {
        Some(($spelt, $help))
    };
}

/// The call that sets an option: `[the doc] SHAPE [of] FIELD [its name]`, `-` for a call that is
/// written by hand.
macro_rules! setter {
    ([$($doc:literal)*] $shape:ident [$($of:ty)?] $field:ident [-]) => {};
    ([$($doc:literal)*] $shape:ident [$($of:ty)?] $field:ident []) => {
        setter! { [$($doc)*] $shape [$($of)?] $field [$field] }
    };
    ([$($doc:literal)*] Flag [] $field:ident [$name:ident]) => {
        $(#[doc = $doc])*
        #[must_use]
        pub fn $name(mut self, is: bool) -> Self {
            self.$field = is;
            self
        }
    };
    ([$($doc:literal)*] List [] $field:ident [$name:ident]) => {
        setter! { [$($doc)*] SecretList [] $field [$name] }
    };
    ([$($doc:literal)*] SecretList [] $field:ident [$name:ident]) => {
        $(#[doc = $doc])*
        #[must_use]
        pub fn $name(mut self, text: impl Into<String>) -> Self {
            self.$field.push(text.into());
            self
        }
    };
    ([$($doc:literal)*] Pem [] $field:ident [$name:ident]) => {
        setter! { [$($doc)*] SecretPem [] $field [$name] }
    };
    ([$($doc:literal)*] SecretPem [] $field:ident [$name:ident]) => {
        $(#[doc = $doc])*
        #[must_use]
        pub fn $name(mut self, pem: impl Into<Vec<u8>>) -> Self {
            self.$field = pem.into().into();
            self
        }
    };
    ([$($doc:literal)*] Time [] $field:ident [$name:ident]) => {
        $(#[doc = $doc])*
        #[must_use]
        pub fn $name(mut self, time: Duration) -> Self {
            self.$field = Some(time.into());
            self
        }
    };
    ([$($doc:literal)*] Number [] $field:ident [$name:ident]) => {
        $(#[doc = $doc])*
        #[must_use]
        pub fn $name(mut self, number: u32) -> Self {
            self.$field = Some(number);
            self
        }
    };
    ([$($doc:literal)*] Word [$of:ty] $field:ident [$name:ident]) => {
        $(#[doc = $doc])*
        #[must_use]
        pub fn $name(mut self, word: $of) -> Self {
            self.$field = Some(word);
            self
        }
    };
    ([$($doc:literal)*] Choice [$of:ty] $field:ident [$name:ident]) => {
        $(#[doc = $doc])*
        #[must_use]
        pub fn $name(mut self, word: $of) -> Self {
            self.$field = word;
            self
        }
    };
    // The shapes of one text.
    ([$($doc:literal)*] $shape:ident [] $field:ident [$name:ident]) => {
        $(#[doc = $doc])*
        #[must_use]
        pub fn $name(mut self, text: impl Into<String>) -> Self {
            self.$field = Some(text.into());
            self
        }
    };
}

pub(super) use {options, said, setter};

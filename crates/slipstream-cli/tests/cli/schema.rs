//! Holds JSON against the schemas of docs/. Knows as much of JSON Schema as those use, and
//! refuses fields that a schema does not name, so that none joins without being described.

use std::path::Path;

use serde_json::Value;

/// Holds a line of output against docs/NAME.schema.json.
#[track_caller]
pub(crate) fn assert_holds(name: &str, line: &str) -> Value {
    let docs = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs");
    let text = std::fs::read_to_string(docs.join(format!("{name}.schema.json"))).unwrap();
    let schema: Value = serde_json::from_str(&text).unwrap();
    let value: Value = serde_json::from_str(line).unwrap_or_else(|_| panic!("{line}"));
    hold(&schema, &schema, &value, "$");
    value
}

#[track_caller]
fn hold(root: &Value, schema: &Value, value: &Value, at: &str) {
    if let Some(path) = schema["$ref"].as_str() {
        return hold(root, root.pointer(&path[1..]).unwrap(), value, at);
    }
    if let Some(values) = schema["enum"].as_array() {
        return assert!(values.contains(value), "{at} is {value}");
    }
    let is = match value {
        Value::Null => "null",
        Value::Bool(_) => "boolean",
        Value::Number(_) => "integer",
        Value::String(_) => "string",
        Value::Array(_) => "array",
        Value::Object(_) => "object",
    };
    let wanted = &schema["type"];
    let may = wanted.as_str() == Some(is)
        || wanted.as_array().is_some_and(|types| types.contains(&is.into()));
    assert!(may, "{at} is {value}, wanted {wanted}");
    match value {
        Value::Number(number) => {
            let least = schema["minimum"].as_i64().unwrap_or(i64::MIN);
            assert!(number.as_i64().is_some_and(|it| it >= least), "{at} is {value}");
        }
        Value::Array(items) => {
            items.iter().for_each(|item| hold(root, &schema["items"], item, &format!("{at}[]")));
        }
        Value::Object(fields) => {
            for name in schema["required"].as_array().into_iter().flatten() {
                assert!(fields.contains_key(name.as_str().unwrap()), "{at} has no {name}");
            }
            for (name, field) in fields {
                let at = format!("{at}.{name}");
                let schema = schema["properties"].get(name);
                hold(root, schema.unwrap_or_else(|| panic!("{at} is not described")), field, &at);
            }
        }
        Value::Null | Value::Bool(_) | Value::String(_) => {}
    }
}

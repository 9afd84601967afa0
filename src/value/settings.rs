//! Session settings that change how values are read or written.

use super::ValueError;
use super::datetime::Zone;

/// How dates and times are written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum DateStyle {
    Iso,
    Sql,
    Postgres,
    German,
}

/// Which of day, month and year comes first where a date does not say.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum DateOrder {
    Mdy,
    Dmy,
    Ymd,
}

/// How bytea is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum ByteaOutput {
    Hex,
    Escape,
}

/// The settings of one session.
#[derive(Clone, Debug)]
pub struct Settings {
    pub(crate) date_style: DateStyle,
    pub(crate) date_order: DateOrder,
    pub(crate) time_zone: Zone,
    pub(crate) bytea_output: ByteaOutput,
    pub(crate) extra_float_digits: i32,
}

impl Default for Settings {
    /// PostgreSQL's own defaults, in UTC.
    fn default() -> Self {
        Self {
            date_style: DateStyle::Iso,
            date_order: DateOrder::Mdy,
            time_zone: Zone::utc(),
            bytea_output: ByteaOutput::Hex,
            extra_float_digits: 1,
        }
    }
}

impl Settings {
    /// Takes the settings as the server shows them. An error names the one that cannot be followed.
    pub fn from_gucs(
        date_style: &str,
        time_zone: &str,
        bytea_output: &str,
        extra_float_digits: &str,
    ) -> Result<Settings, ValueError> {
        let refuse = |setting: &str, value: &str| {
            ValueError::unsupported(
                format!("Pyrite cannot follow the setting {setting} = '{value}'"),
                format!("Set {setting} to another value."),
            )
        };
        let (style, order) = parse_date_style(date_style).ok_or_else(|| refuse("DateStyle", date_style))?;
        Ok(Settings {
            date_style: style,
            date_order: order,
            time_zone: Zone::parse(time_zone).ok_or_else(|| refuse("TimeZone", time_zone))?,
            bytea_output: match bytea_output {
                "hex" => ByteaOutput::Hex,
                "escape" => ByteaOutput::Escape,
                other => return Err(refuse("bytea_output", other)),
            },
            extra_float_digits: extra_float_digits
                .parse()
                .ok()
                .filter(|n| (-15..=3).contains(n))
                .ok_or_else(|| refuse("extra_float_digits", extra_float_digits))?,
        })
    }
}

/// Reads `ISO, MDY` and its like.
fn parse_date_style(text: &str) -> Option<(DateStyle, DateOrder)> {
    let (style, order) = text.split_once(',')?;
    let style = match style.trim().to_ascii_lowercase().as_str() {
        "iso" => DateStyle::Iso,
        "sql" => DateStyle::Sql,
        "postgres" => DateStyle::Postgres,
        "german" => DateStyle::German,
        _ => return None,
    };
    let order = match order.trim().to_ascii_lowercase().as_str() {
        "mdy" => DateOrder::Mdy,
        "dmy" => DateOrder::Dmy,
        "ymd" => DateOrder::Ymd,
        _ => return None,
    };
    Some((style, order))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_setting_that_cannot_be_followed_is_named() {
        assert!(Settings::from_gucs("German, DMY", "Europe/Berlin", "escape", "-15").is_ok());
        for (style, zone, bytea, digits, named) in [
            ("French, DMY", "UTC", "hex", "1", "DateStyle"),
            ("ISO, MDY", "Mars/Olympus", "hex", "1", "TimeZone"),
            ("ISO, MDY", "UTC", "base64", "1", "bytea_output"),
            ("ISO, MDY", "UTC", "hex", "4", "extra_float_digits"),
        ] {
            let error = Settings::from_gucs(style, zone, bytea, digits).unwrap_err();
            assert_eq!(error.sqlstate, "0A000");
            assert!(error.message.contains(named), "{}", error.message);
        }
    }
}

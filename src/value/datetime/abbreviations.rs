//! The time zone abbreviations that PostgreSQL knows unless it is told otherwise.

/// What an abbreviation stands for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Abbreviation {
    /// Seconds east of Greenwich, and whether that is daylight-saving time.
    Fixed(i32, bool),
    /// It has changed its meaning over time; this zone knows.
    Zone(&'static str),
}

/// Looks up a word in lower case.
pub(crate) fn find(word: &str) -> Option<Abbreviation> {
    if let Ok(at) = FIXED.binary_search_by(|(name, _, _)| (*name).cmp(word)) {
        return FIXED.get(at).map(|(_, offset, dst)| Abbreviation::Fixed(*offset, *dst));
    }
    let at = DYNAMIC.binary_search_by(|(name, _)| (*name).cmp(word)).ok()?;
    DYNAMIC.get(at).map(|(_, zone)| Abbreviation::Zone(zone))
}

/// Name, seconds east of Greenwich, daylight-saving.
#[rustfmt::skip]
const FIXED: &[(&str, i32, bool)] = &[
    ("acdt", 37800, true), ("acsst", 37800, true), ("acst", 34200, false), ("act", -18000, false),
    ("acwst", 31500, false), ("adt", -10800, true), ("aedt", 39600, true), ("aesst", 39600, true),
    ("aest", 36000, false), ("aft", 16200, false), ("akdt", -28800, true), ("akst", -32400, false),
    ("almst", 25200, true), ("almt", 21600, false), ("amt", -14400, false), ("ast", -14400, false),
    ("awsst", 32400, true), ("awst", 28800, false), ("azost", 0, true), ("azot", -3600, false),
    ("bdst", 7200, true), ("bdt", 21600, false), ("bnt", 28800, false), ("bort", 28800, false),
    ("bot", -14400, false), ("bra", -10800, false), ("brst", -7200, true), ("brt", -10800, false),
    ("bst", 3600, true), ("btt", 21600, false), ("cadt", 37800, true), ("cast", 34200, false),
    ("cct", 28800, false), ("cdt", -18000, true), ("cest", 7200, true), ("cet", 3600, false),
    ("cetdst", 7200, true), ("chadt", 49500, true), ("chast", 45900, false), ("chut", 36000, false),
    ("clst", -10800, true), ("cot", -18000, false), ("cst", -21600, false), ("cxt", 25200, false),
    ("ddut", 36000, false), ("eat", 10800, false), ("edt", -14400, true), ("eest", 10800, true),
    ("eet", 7200, false), ("eetdst", 10800, true), ("egst", 0, true), ("egt", -3600, false),
    ("est", -18000, false), ("fet", 10800, false), ("fjst", 46800, true), ("fjt", 43200, false),
    ("fnst", -3600, true), ("fnt", -7200, false), ("galt", -21600, false), ("gamt", -32400, false),
    ("gft", -10800, false), ("gilt", 43200, false), ("gmt", 0, false), ("hkt", 28800, false),
    ("hst", -36000, false), ("ict", 25200, false), ("idt", 10800, true), ("irt", 12600, false),
    ("ist", 7200, false), ("jayt", 32400, false), ("jst", 32400, false), ("kdt", 36000, true),
    ("kgst", 21600, true), ("kst", 32400, false), ("lhst", 37800, false), ("ligt", 36000, false),
    ("mart", -34200, false), ("mdt", -21600, true), ("mest", 7200, true), ("mesz", 7200, true),
    ("met", 3600, false), ("metdst", 7200, true), ("mez", 3600, false), ("mht", 43200, false),
    ("mmt", 23400, false), ("mpt", 36000, false), ("msd", 14400, true), ("mst", -25200, false),
    ("must", 18000, true), ("mut", 14400, false), ("mvt", 18000, false), ("myt", 28800, false),
    ("ndt", -9000, true), ("nft", -12600, false), ("npt", 20700, false), ("nst", -12600, false),
    ("nzdt", 46800, true), ("nzst", 43200, false), ("nzt", 43200, false), ("pdt", -25200, true),
    ("pet", -18000, false), ("pgt", 36000, false), ("pht", 28800, false), ("pkst", 21600, true),
    ("pkt", 18000, false), ("pmdt", -7200, true), ("pmst", -10800, false), ("pont", 39600, false),
    ("pst", -28800, false), ("pwt", 32400, false), ("pyst", -10800, true), ("ret", 14400, false),
    ("sadt", 37800, true), ("sast", 7200, false), ("sct", 14400, false), ("taht", -36000, false),
    ("tft", 18000, false), ("tjt", 18000, false), ("tot", 46800, false), ("trut", 36000, false),
    ("tvt", 43200, false), ("uct", 0, false), ("ulast", 32400, true), ("ut", 0, false), ("utc", 0, false),
    ("uyst", -7200, true), ("uyt", -10800, false), ("uzst", 21600, true), ("uzt", 18000, false),
    ("vut", 39600, false), ("wadt", 28800, true), ("wakt", 43200, false), ("wast", 25200, false),
    ("wat", 3600, false), ("wdt", 32400, true), ("wet", 0, false), ("wetdst", 3600, true),
    ("wft", 43200, false), ("wgst", -7200, true), ("wgt", -10800, false), ("xjt", 21600, false),
    ("yapt", 36000, false), ("yekst", 21600, true), ("z", 0, false), ("zulu", 0, false),
];

/// Name and the zone that defines it.
const DYNAMIC: &[(&str, &str)] = &[
    ("amst", "Asia/Yerevan"),
    ("anast", "Asia/Anadyr"),
    ("anat", "Asia/Anadyr"),
    ("arst", "America/Argentina/Buenos_Aires"),
    ("art", "America/Argentina/Buenos_Aires"),
    ("azst", "Asia/Baku"),
    ("azt", "Asia/Baku"),
    ("ckt", "Pacific/Rarotonga"),
    ("clt", "America/Santiago"),
    ("davt", "Antarctica/Davis"),
    ("easst", "Pacific/Easter"),
    ("east", "Pacific/Easter"),
    ("fkst", "Atlantic/Stanley"),
    ("fkt", "Atlantic/Stanley"),
    ("gest", "Asia/Tbilisi"),
    ("get", "Asia/Tbilisi"),
    ("gyt", "America/Guyana"),
    ("iot", "Indian/Chagos"),
    ("irkst", "Asia/Irkutsk"),
    ("irkt", "Asia/Irkutsk"),
    ("kgt", "Asia/Bishkek"),
    ("kost", "Pacific/Kosrae"),
    ("krast", "Asia/Krasnoyarsk"),
    ("krat", "Asia/Krasnoyarsk"),
    ("lhdt", "Australia/Lord_Howe"),
    ("lint", "Pacific/Kiritimati"),
    ("lkt", "Asia/Colombo"),
    ("magst", "Asia/Magadan"),
    ("magt", "Asia/Magadan"),
    ("mawt", "Antarctica/Mawson"),
    ("msk", "Europe/Moscow"),
    ("novst", "Asia/Novosibirsk"),
    ("novt", "Asia/Novosibirsk"),
    ("nut", "Pacific/Niue"),
    ("omsst", "Asia/Omsk"),
    ("omst", "Asia/Omsk"),
    ("petst", "Asia/Kamchatka"),
    ("pett", "Asia/Kamchatka"),
    ("pyt", "America/Asuncion"),
    ("sgt", "Asia/Singapore"),
    ("tkt", "Pacific/Fakaofo"),
    ("tmt", "Asia/Ashgabat"),
    ("ulat", "Asia/Ulaanbaatar"),
    ("vet", "America/Caracas"),
    ("vlast", "Asia/Vladivostok"),
    ("vlat", "Asia/Vladivostok"),
    ("volt", "Europe/Volgograd"),
    ("yakst", "Asia/Yakutsk"),
    ("yakt", "Asia/Yakutsk"),
    ("yekt", "Asia/Yekaterinburg"),
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tables_are_sorted() {
        assert!(FIXED.is_sorted_by_key(|row| row.0));
        assert!(DYNAMIC.is_sorted_by_key(|row| row.0));
        assert_eq!(find("pst"), Some(Abbreviation::Fixed(-28_800, false)));
        assert_eq!(find("msk"), Some(Abbreviation::Zone("Europe/Moscow")));
        assert_eq!(find("nonsense"), None);
    }
}

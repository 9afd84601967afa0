//! Characters that the tables of ICU4X 2.4 and those of ICU 72 order alike.

/// First and last of each range, ascending: letters, digits, signs and emoji of what is written most. Left out are
/// Han ideographs and typographic quotes, whose order has changed, and whatever ICU 72 does not know.
#[rustfmt::skip]
const KNOWN: &[(char, char)] = &[
    ('\u{1}', '\u{377}'), ('\u{37A}', '\u{37F}'), ('\u{384}', '\u{38A}'), ('\u{38C}', '\u{38C}'),
    ('\u{38E}', '\u{3A1}'), ('\u{3A3}', '\u{52F}'), ('\u{531}', '\u{556}'), ('\u{559}', '\u{58A}'),
    ('\u{58D}', '\u{58F}'), ('\u{591}', '\u{5C7}'), ('\u{5D0}', '\u{5EA}'), ('\u{5EF}', '\u{5F2}'),
    ('\u{600}', '\u{6FF}'), ('\u{E01}', '\u{E3A}'), ('\u{E3F}', '\u{E5B}'), ('\u{10A0}', '\u{10C5}'),
    ('\u{10C7}', '\u{10C7}'), ('\u{10CD}', '\u{10CD}'), ('\u{10D0}', '\u{10FF}'), ('\u{1E00}', '\u{1F15}'),
    ('\u{1F18}', '\u{1F1D}'), ('\u{1F20}', '\u{1F45}'), ('\u{1F48}', '\u{1F4D}'), ('\u{1F50}', '\u{1F57}'),
    ('\u{1F59}', '\u{1F59}'), ('\u{1F5B}', '\u{1F5B}'), ('\u{1F5D}', '\u{1F5D}'), ('\u{1F5F}', '\u{1F7D}'),
    ('\u{1F80}', '\u{1FB4}'), ('\u{1FB6}', '\u{1FC4}'), ('\u{1FC6}', '\u{1FD3}'), ('\u{1FD6}', '\u{1FDB}'),
    ('\u{1FDD}', '\u{1FEF}'), ('\u{1FF2}', '\u{1FF4}'), ('\u{1FF6}', '\u{1FFE}'), ('\u{2000}', '\u{2017}'),
    ('\u{2020}', '\u{2064}'), ('\u{2066}', '\u{2071}'), ('\u{2074}', '\u{208E}'), ('\u{2090}', '\u{209C}'),
    ('\u{20A0}', '\u{20A6}'), ('\u{20A9}', '\u{20C0}'), ('\u{20D0}', '\u{20F0}'), ('\u{2100}', '\u{217F}'),
    ('\u{2183}', '\u{2185}'), ('\u{2189}', '\u{218B}'), ('\u{2190}', '\u{2426}'), ('\u{2440}', '\u{244A}'),
    ('\u{2460}', '\u{2B73}'), ('\u{2B76}', '\u{2B95}'), ('\u{2B97}', '\u{2BFF}'), ('\u{3000}', '\u{301C}'),
    ('\u{3020}', '\u{3038}'), ('\u{303A}', '\u{303F}'), ('\u{3041}', '\u{3096}'), ('\u{3099}', '\u{30FF}'),
    ('\u{AC00}', '\u{D7A3}'), ('\u{E000}', '\u{F8FF}'), ('\u{FB00}', '\u{FB06}'), ('\u{FE00}', '\u{FE0F}'),
    ('\u{FF01}', '\u{FF01}'), ('\u{FF03}', '\u{FF06}'), ('\u{FF08}', '\u{FF9F}'),
    ('\u{1F1E6}', '\u{1F1FF}'), ('\u{1F300}', '\u{1F6D7}'), ('\u{1F6DC}', '\u{1F6EC}'),
    ('\u{1F6F0}', '\u{1F6FC}'), ('\u{1F700}', '\u{1F776}'), ('\u{1F77B}', '\u{1F7D9}'),
    ('\u{1F7E0}', '\u{1F7EB}'), ('\u{1F7F0}', '\u{1F7F0}'), ('\u{1F800}', '\u{1F80B}'),
    ('\u{1F810}', '\u{1F847}'), ('\u{1F850}', '\u{1F859}'), ('\u{1F860}', '\u{1F887}'),
    ('\u{1F890}', '\u{1F8AD}'), ('\u{1F8B0}', '\u{1F8B1}'), ('\u{1F900}', '\u{1FA53}'),
    ('\u{1FA60}', '\u{1FA6D}'), ('\u{1FA70}', '\u{1FA7C}'), ('\u{1FA80}', '\u{1FA88}'),
    ('\u{1FA90}', '\u{1FABD}'), ('\u{1FABF}', '\u{1FAC5}'), ('\u{1FACE}', '\u{1FADB}'),
    ('\u{1FAE0}', '\u{1FAE8}'), ('\u{1FAF0}', '\u{1FAF8}'),
];

/// Whether both order this character alike among the others.
pub(super) fn is_known(c: char) -> bool {
    let after = KNOWN.partition_point(|(first, _)| *first <= c);
    after.checked_sub(1).and_then(|index| KNOWN.get(index)).is_some_and(|(_, last)| c <= *last)
}

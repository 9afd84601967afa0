//! Numbers that carry check digits, made so that each is right and, where it must be, unique.

use super::random::Random;

/// Numbers are scrambled within eight digits, so there are at most so many of a kind.
pub const MOST: u32 = 99_999_999;

/// Maps 0..100,000,000 onto itself, so that what is made of a running number does not look like one.
pub fn scramble(id: u32) -> u32 {
    // 71,234,567 has no factor in common with 10^8, so different ids stay different.
    let product = u64::from(id) * 71_234_567 + 48_151_623;
    (product % 100_000_000) as u32
}

/// A number in digits and small letters.
pub fn base36(mut number: u32) -> String {
    let mut digits = Vec::new();
    loop {
        digits.push(char::from_digit(number % 36, 36).unwrap_or('0'));
        number /= 36;
        if number == 0 {
            break;
        }
    }
    digits.iter().rev().collect()
}

/// A number of an identity card: a letter, eight digits, and the check digit of machine-readable documents
/// (weights 7, 3, 1; letters count from A = 10).
pub fn id_number(number: u32, random: &mut Random) -> String {
    // No letter that could stand in a hexadecimal number.
    let letter = random.pick(&['L', 'M', 'N', 'P', 'R', 'T', 'V', 'W', 'X', 'Y']);
    let text = format!("{letter}{number:08}");
    let check = document_check_digit(&text);
    format!("{text}{check}")
}

fn document_check_digit(text: &str) -> u32 {
    let values = text.chars().map(|sign| sign.to_digit(36).unwrap_or(0));
    values.zip([7, 3, 1].into_iter().cycle()).map(|(value, weight)| value * weight).sum::<u32>() % 10
}

/// An account number of a country, with as many digits as its banks use.
pub fn iban(country: &str, digits: u32, random: &mut Random) -> String {
    let mut account = String::new();
    for _ in 0..digits {
        account.push(char::from_digit(random.below(10) as u32, 10).unwrap_or('0'));
    }
    let check = 98 - iban_remainder(&format!("{country}00{account}"));
    format!("{country}{check:02}{account}")
}

/// Remainder by 97 after the first four signs are moved to the end; 1 if the check digits are right.
fn iban_remainder(iban: &str) -> u32 {
    let (head, rest) = iban.split_at_checked(4).unwrap_or((iban, ""));
    let mut remainder = 0;
    for sign in rest.chars().chain(head.chars()) {
        let value = sign.to_digit(36).unwrap_or(0);
        remainder = (remainder * if value < 10 { 10 } else { 100 } + value) % 97;
    }
    remainder
}

/// A vehicle identification number: maker, model, check digit, year, plant, serial number.
pub fn vin(model: char, serial: u32, random: &mut Random) -> String {
    const SIGNS: [char; 33] = [
        '0', '1', '2', '3', '4', '5', '6', '7', '8', '9', 'A', 'B', 'C', 'D', 'E', 'F', 'G', 'H', 'J', 'K',
        'L', 'M', 'N', 'P', 'R', 'S', 'T', 'U', 'V', 'W', 'X', 'Y', 'Z',
    ];
    let (battery, motor) = (random.pick(&SIGNS), random.pick(&SIGNS));
    let year = random.pick(&['M', 'N', 'P']);
    // A serial number has six digits; the two above them go into trim and plant, so that it stays unique.
    let trim = SIGNS.get(serial as usize / 1_000_000 % 10 + 10).copied().unwrap_or('A');
    let plant = SIGNS.get(serial as usize / 10_000_000 % 10 + 20).copied().unwrap_or('L');
    let head = format!("XPY{model}{battery}{motor}{trim}R");
    let tail = format!("{year}{plant}{:06}", serial % 1_000_000);
    let check = vin_check_digit(&format!("{head}0{tail}"));
    format!("{head}{check}{tail}")
}

fn vin_check_digit(vin: &str) -> char {
    const WEIGHTS: [u32; 17] = [8, 7, 6, 5, 4, 3, 2, 10, 0, 9, 8, 7, 6, 5, 4, 3, 2];
    let sum: u32 = vin.chars().zip(WEIGHTS).map(|(sign, weight)| vin_value(sign) * weight).sum();
    match sum % 11 {
        10 => 'X',
        digit => char::from_digit(digit, 10).unwrap_or('0'),
    }
}

fn vin_value(sign: char) -> u32 {
    match sign {
        '0'..='9' => sign.to_digit(10).unwrap_or(0),
        'A'..='H' => u32::from(sign) - u32::from('A') + 1,
        'J'..='R' => u32::from(sign) - u32::from('J') + 1,
        'S'..='Z' => u32::from(sign) - u32::from('S') + 2,
        _ => 0,
    }
}

/// A charging card's 16 digits, the last one by the formula of bank cards (Luhn).
pub fn charge_card(number: u32, random: &mut Random) -> i64 {
    let middle = i64::from(random.between(0, 9_999));
    // 961 is of no bank.
    let payload = 961_000_000_000_000 + middle * 100_000_000 + i64::from(number);
    payload * 10 + luhn_check_digit(payload)
}

fn luhn_check_digit(mut payload: i64) -> i64 {
    let (mut sum, mut double) = (0, true);
    while payload > 0 {
        let digit = payload % 10 * if double { 2 } else { 1 };
        sum += digit / 10 + digit % 10;
        double = !double;
        payload /= 10;
    }
    (10 - sum % 10) % 10
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn check_digits_agree_with_published_examples() {
        assert_eq!(iban_remainder("GB82WEST12345698765432"), 1);
        assert_eq!(iban_remainder("DE89370400440532013000"), 1);
        assert_eq!(vin_check_digit("1M8GDM9A0KP042788"), 'X');
        assert_eq!(vin_check_digit("11111111111111111"), '1');
        assert_eq!(document_check_digit("L898902C"), 3);
        assert_eq!(luhn_check_digit(7_992_739_871), 3);
    }

    #[test]
    fn everything_made_checks() {
        let mut random = Random::new(5);
        for id in 1..5_000 {
            let iban = iban("AT", 16, &mut random);
            assert_eq!(iban_remainder(&iban), 1, "{iban}");
            assert_eq!(iban.len(), 20);
            let vin = vin('C', scramble(id), &mut random);
            assert_eq!(vin.chars().nth(8), Some(vin_check_digit(&vin)), "{vin}");
            assert_eq!(vin.len(), 17);
            let card = charge_card(scramble(id), &mut random);
            assert_eq!(luhn_check_digit(card / 10), card % 10, "{card}");
            assert_eq!(card.to_string().len(), 16);
            let number = id_number(scramble(id), &mut random);
            let (text, check) = number.split_at(9);
            assert_eq!(document_check_digit(text).to_string(), check);
        }
    }

    #[test]
    fn small_numbers_print_in_base_36() {
        assert_eq!(base36(0), "0");
        assert_eq!(base36(35), "z");
        assert_eq!(base36(36 * 36 + 1), "101");
    }
}

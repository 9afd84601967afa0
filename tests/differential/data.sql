INSERT INTO customers (id, email, name, phone, birthday, balance, vip, plan, visits) VALUES
    (1, 'ada.quill@voltmail.example', 'Ada Quillfeather', '+49 170 5550101', '1981-04-12', 1234.50, true, 'gold', 10),
    (2, 'bob.zephyr@voltmail.example', 'Bob Zephyrine', '+49 170 5550102', '1992-11-30', -17.05, false, 'basic', 20),
    (3, 'Cleo.Ünal@voltmail.example', 'Cleo Ünalçıka 張偉 🚗', NULL, NULL, NULL, NULL, 'basic', 20),
    (4, NULL, 'Dora Nomailova', '', '1981-04-12', 0.00, true, NULL, 0);
INSERT INTO vehicles (vin, owner_email, customer_id, model, price, odometer, sold) VALUES
    ('5YJ3E1EA7KF317001', 'ada.quill@voltmail.example', 1, 'Kestrel', 41990.00, 77120034551, '2022-12-20 08:30:00+00'),
    ('5YJ3E1EA7KF317002', 'ada.quill@voltmail.example', 1, 'Heron', 62000.99, 12, '2021-01-05 23:59:59.123456+00'),
    ('5YJ3E1EA7KF317003', 'bob.zephyr@voltmail.example', 2, 'Kestrel', 41990.00, NULL, NULL),
    ('SHORT', 'nobody.atall@voltmail.example', NULL, 'Wren', NULL, 0, '-infinity');
INSERT INTO every VALUES
    (1, 'plain ordinary text', 'varchar twenty', 'charrr', 12, 1977231654, 881977231654123, 1.5, 2.718281828459045, 31415.926,
     true, '2024-02-29', '13:14:15.678901', '2024-02-29 13:14:15.678901', '2024-02-29 13:14:15.678901+02',
     '8f14e45f-ceea-467f-a9f2-d5a1c4b3e901', '{"b": 1,  "a": [1, 2.50]}', '{"b": 1,  "a": [1, 2.50]}', '\x00ff10deadbeefcafe00'),
    (2, '', '', '', -32768, -2147483648, -9223372036854775808, 'NaN', '-Infinity', -999999999.999,
     false, '-infinity', '00:00', '-infinity', '-infinity', '00000000-0000-0000-0000-000000000000', 'null', 'null', ''),
    (3, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL),
    (4, 'Ünïcødé 張偉 🚗 é', 'ÄÖÜ 張 🚗', 'ß 張', 32767, 2147483647, 9223372036854775807, '3.4028235e38', '1e-300', 0.001,
     true, 'infinity', '24:00', 'infinity', 'infinity', 'ffffffff-ffff-ffff-ffff-ffffffffffff', '[]', '{"z": {"y": null}}', '\x27005c');
INSERT INTO shorts VALUES
    (1, 'x', 'ab', 'any length at all here', '23:59:59.6', '2024-02-29 13:14:15.6789', '2024-02-29 13:14:15.6789+00', 12345678901234567890.123456789, 12345),
    (2, '', '', '', '00:00:00', 'infinity', '-infinity', 'NaN', -0.4);
INSERT INTO plainly VALUES (1, 'one', 100, 'ada.quill@plain.example'), (2, 'two', NULL, NULL), (3, NULL, -5, 'x');
INSERT INTO events VALUES (1, 'eu', 'eurosecret-kappa', 5), (2, 'us', 'amerosecret-lambda', 6), (3, 'eu', NULL, 7);
INSERT INTO archive.customers VALUES (1, 'old@archive.example', 'moved'), (2, NULL, NULL);
INSERT INTO archive.ledger VALUES (1, 'DE89370400440532013000', 77001234567890), (2, 'GB29NWBK60161331926819', -1);
INSERT INTO "Odd Schema"."Odd ""Table" VALUES (1, 'ada.quill@voltmail.example', 'oddly-selected-value');

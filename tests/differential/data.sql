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
INSERT INTO ranked VALUES
    (1, 1, '10', 'Ämberley', NULL, '-5', '1977100200', NULL, '-Infinity', '-2.5', '10000', '0', 'f', 'infinity', '12:34:56.789', '1999-12-31 23:59:59.999999', '2024-02-29 12:00', NULL, '\x7f'),
    (2, 2, 'Brixton-Quay', 'A', NULL, '1000', '0', '999', '0.1', '1e-300', '-10001', '100.00', 't', NULL, '12:34:56.789', '1999-12-31 23:59:59.999999', '2024-02-29 12:00', 'ffffffff-ffff-ffff-ffff-ffffffffffff', NULL),
    (3, 1, 'Ωmega', 'zyxwvut 9', 'Zyxwvu', '5', '-1', '-32768', 'NaN', '-2.5', '0', NULL, 'f', '1066-10-14', NULL, '1977-03-05 06:07:08.9', 'infinity', '00000000-0000-0000-0000-000000000000', '\x00'),
    (4, 2, 'A', 'Brixton-Quay', 'Amberl', '-32768', '1977100200', '999', '3.25e20', '1e-300', '0.1', NULL, NULL, '2024-02-29', '06:00', '1977-03-05 06:07:08.9', '2000-01-01 00:00', '1f14e45f-ceea-467f-a9f2-d5a1c4b3e977', '\xff'),
    (5, 3, '中文字', 'Ωmega', 'amberl', '-32768', '32767', '880019771002003', '0', 'NaN', '-Infinity', '99999999.99', 't', '1066-10-14', '06:00', '1999-12-31 23:59:59.999999', '1999-12-31 23:59:59.999999', '8f14e45f-ceea-467f-a9f2-d5a1c4b3e977', '\xff'),
    (6, 1, 'Brixton-Quay', '中文字', 'Zyxwvu', '1000', '1977100200', '1000', '1e-20', '2.5', '10000', '100.00', NULL, '2024-02-29', '12:34:56.789', '2000-01-01 00:00', '1999-12-31 23:59:59.999999', '8f14e45f-ceea-467f-a9f2-d5a1c4b3e977', '\xff'),
    (7, 1, '', 'Amberley', 'A', NULL, '1977100200', '-32768', 'NaN', '0.30000000000000004', '31415.92653', '0.01', 'f', NULL, NULL, 'infinity', '2024-02-29 12:00', 'ffffffff-ffff-ffff-ffff-ffffffffffff', NULL),
    (8, 1, '~tilde', 'aa', 'Ämberl', NULL, '32767', '999', '3.25e20', '1e-300', NULL, NULL, 'f', '4713-01-01 BC', '23:59:59.999999', NULL, '1977-03-05 06:07:08.9', '8f14e45f-ceea-467f-a9f2-d5a1c4b3e977', '\xdead77beef'),
    (9, 1, 'Brixton-Quay', 'brixton quay', 'Zyxwvu', '0', '0', '5', '3.25e20', '0.30000000000000004', '0.1', '1', 'f', '2024-02-29', '00:00', '-infinity', '-infinity', '8f14e45f-ceea-467f-a9f2-d5a1c4b3e977', '\xdead77beef'),
    (10, 2, '~tilde', 'Ωmega', 'A', '42', '42', '1', '-1.5', '-Infinity', '-Infinity', '19.99', NULL, '2024-02-29', '12:34:56.789', '2024-02-29 12:00', '-infinity', NULL, ''),
    (11, 2, 'Brixton Quay', '中文字', 'Ämberl', '-1', '-32768', '-32768', 'Infinity', '1e-300', '1', '100.00', 't', '2031-07-09', '23:59:59.999999', 'infinity', '2024-02-29 12:00', '8f14e45f-ceea-467f-a9f2-d5a1c4b3e977', '\x0001'),
    (12, 1, 'Ωmega', 'zyxwvut 9', '10', '1', '-32768', '-2147483648', 'Infinity', 'Infinity', 'NaN', '19.99', 't', NULL, '00:00', '-infinity', '-infinity', '1f14e45f-ceea-467f-a9f2-d5a1c4b3e977', NULL),
    (13, 1, 'Brixton Quay', 'Zyxwvut', NULL, '-5', '2147483647', '-5', '-1.5', '2.5', 'Infinity', NULL, 't', '2024-02-29', '12:34:56.789', '2000-01-01 00:00', '1977-03-05 06:07:08.9', '1f14e45f-ceea-467f-a9f2-d5a1c4b3e977', '\xdead77beef'),
    (14, 3, '10', '10', NULL, '-5', '0', '-5', NULL, NULL, '0', '0', 't', '1999-12-31', '23:59:59.999999', '1977-03-05 06:07:08.9', '-infinity', '8f14e45f-ceea-467f-a9f2-d5a1c4b3e977', '\x0001'),
    (15, 2, '9', 'amberley', '', '999', '-32768', '2147483647', '1.5', '-Infinity', 'NaN', '0', 'f', '1066-10-14', '24:00', 'infinity', '-infinity', '00000000-0000-0000-0000-000000000000', ''),
    (16, 2, 'brixton quay', 'Brixton Quay', '~tilde', '-1', '999', '0', '0', NULL, '1', '41990.01', 'f', '4713-01-01 BC', NULL, '2000-01-01 00:00', '-infinity', '1f14e45f-ceea-467f-a9f2-d5a1c4b3e977', '\x7f'),
    (17, 3, 'Brixton-Quay', '中文字', 'A', '32767', '32767', '32767', '0.1', NULL, '123456789012345678901234567890.5', '-19.99', 'f', NULL, '24:00', '1999-12-31 23:59:59.999999', '2024-02-29 12:00', '8f14e45f-ceea-467f-a9f2-d5a1c4b3e977', '\x7f'),
    (18, 2, NULL, '', 'a', '-1', NULL, '999', '-1.5', '2.5', '-0.1', '0', 't', '-infinity', NULL, '2024-02-29 12:00', '-infinity', 'ffffffff-ffff-ffff-ffff-ffffffffffff', '\x00'),
    (19, 1, 'Brixton-Quay', 'amberley', 'A', '-32768', NULL, '-5', '0.1', '-Infinity', 'Infinity', '0', 't', '1066-10-14', '24:00', '1977-03-05 06:07:08.9', '1999-12-31 23:59:59.999999', '1f14e45f-ceea-467f-a9f2-d5a1c4b3e977', ''),
    (20, 1, 'zyxwvut 9', ' lead', 'Amberl', NULL, '-2147483648', '880019771002003', 'Infinity', '1e-300', '-10001', '41990.01', 'f', '1999-12-31', NULL, '1999-12-31 23:59:59.999999', '1977-03-05 06:07:08.9', NULL, '\xdead77beef'),
    (21, 1, '中文字', '~tilde', NULL, '5', '999', NULL, '1e-20', '0.30000000000000004', '0', '99999999.99', 'f', '1066-10-14', '12:34:56.789', '-infinity', '-infinity', '1f14e45f-ceea-467f-a9f2-d5a1c4b3e977', '\xdead77beef'),
    (22, 1, 'zyxwvut 9', '', 'Brixto', NULL, '5', '-5', '-1.5', '0', '-10000', '19.99', 't', '2024-02-29', '12:34:56.789', '2024-02-29 12:00', '2024-02-29 12:00', '8f14e45f-ceea-467f-a9f2-d5a1c4b3e977', '\xdead77beef'),
    (23, 3, 'amberley', 'aa', 'amberl', NULL, '42', NULL, '1.5', '0', '0.00001', '100.00', 't', '1977-03-05', '00:00', '2024-02-29 12:00', '-infinity', '00000000-0000-0000-0000-000000000000', '\x0001'),
    (24, 3, '', ' lead', NULL, NULL, '1', '2147483647', 'Infinity', '0.30000000000000004', NULL, '19.99', 't', '-infinity', '23:59:59.999999', '-infinity', '1977-03-05 06:07:08.9', '8f14e45f-ceea-467f-a9f2-d5a1c4b3e977', '\xdead77beef'),
    (25, 2, '中文字', ' lead', NULL, '5', '999', '-9223372036854775808', '-1.5', '-Infinity', '0.00001', '100.00', 'f', '2024-02-29', '24:00', '2024-02-29 12:00', '1977-03-05 06:07:08.9', '00000000-0000-0000-0000-000000000000', '\x0001'),
    (26, 1, 'amberley', 'Amberley', ' lead', '5', '2147483647', '-32768', '1e-20', '2.5', '0', NULL, NULL, NULL, '23:59:59.999999', '2000-01-01 00:00', '2024-02-29 12:00', '1f14e45f-ceea-467f-a9f2-d5a1c4b3e977', '\x00'),
    (27, 1, 'Brixton Quay', '', '9', '-1', '-1', '32767', '1.5', '-2.5', '1.5', '1', 'f', '4713-01-01 BC', '00:00', '2024-02-29 12:00', '-infinity', '8f14e45f-ceea-467f-a9f2-d5a1c4b3e977', '\x7f'),
    (28, 2, 'Brixton-Quay', 'aa', ' lead', NULL, '2147483647', '-32768', '3.25e20', '0.1', '-10001', '19.99', 't', '4713-01-01 BC', '23:59:59.999999', '1999-12-31 23:59:59.999999', '1977-03-05 06:07:08.9', 'ffffffff-ffff-ffff-ffff-ffffffffffff', '\x7f'),
    (29, 3, '中文字', 'brixton quay', '10', '42', '1977100200', '-1', '1e-20', '0.30000000000000004', '31415.92653', '-19.99', 'f', '-infinity', '00:00', '2024-02-29 12:00', '2024-02-29 12:00', 'ffffffff-ffff-ffff-ffff-ffffffffffff', ''),
    (30, 3, NULL, 'a', ' lead', NULL, '1', '32767', 'NaN', '0', '-10000', '1', 'f', '1977-03-05', '12:34:56.789', NULL, '2024-02-29 12:00', '00000000-0000-0000-0000-000000000000', '\xff'),
    (31, 1, 'a', NULL, 'zyxwvu', NULL, '2147483647', '1', '3.25e20', '1e-300', '-10001', '19.99', 't', '1999-12-31', '06:00', 'infinity', '-infinity', '1f14e45f-ceea-467f-a9f2-d5a1c4b3e977', ''),
    (32, 2, 'Zyxwvut', 'aa', 'Brixto', '5', '1', '1977100200', '-1.5', '0.30000000000000004', '-1.5', '19.99', 't', NULL, '00:00', '2000-01-01 00:00', '1977-03-05 06:07:08.9', 'ffffffff-ffff-ffff-ffff-ffffffffffff', NULL),
    (33, 2, 'A', 'A', NULL, '999', '-2147483648', '2147483647', 'NaN', '1e300', '-0.1', '-19.99', 't', 'infinity', '23:59:59.999999', '2024-02-29 12:00', '1977-03-05 06:07:08.9', '8f14e45f-ceea-467f-a9f2-d5a1c4b3e977', '\xff'),
    (34, 2, 'Ämberley', '中文字', 'brixto', NULL, '-2147483648', '880019771002003', '3.25e20', NULL, '-1.5', NULL, 't', '2031-07-09', '23:59:59.999999', '2000-01-01 00:00', '1999-12-31 23:59:59.999999', 'ffffffff-ffff-ffff-ffff-ffffffffffff', '\x7f'),
    (35, 3, '10', '9', 'amberl', '999', NULL, '32767', '0', '-Infinity', '-Infinity', '0', 't', '4713-01-01 BC', '12:34:56.789', 'infinity', '-infinity', NULL, '\x00'),
    (36, 2, 'A', 'Ωmega', 'zyxwvu', '-1', '1', '-5', NULL, '0.1', NULL, '99999999.99', 't', '2000-01-01', '12:34:56.789', '2000-01-01 00:00', NULL, '1f14e45f-ceea-467f-a9f2-d5a1c4b3e977', ''),
    (37, 3, ' lead', 'Ωmega', 'Amberl', '-5', '32767', '42', 'Infinity', 'NaN', '0.1', '99999999.99', 't', '4713-01-01 BC', '06:00', '-infinity', '1977-03-05 06:07:08.9', '8f14e45f-ceea-467f-a9f2-d5a1c4b3e977', '\x0001'),
    (38, 2, 'Ämberley', '~tilde', '~tilde', '-5', '-2147483648', '1977100200', '3.25e20', '-Infinity', NULL, '0.01', 'f', 'infinity', '06:00', NULL, 'infinity', '1f14e45f-ceea-467f-a9f2-d5a1c4b3e977', '\xdead77beef'),
    (39, 1, '10', '10', 'Zyxwvu', '-5', '5', '5', '-1.5', NULL, '0', '1', 't', NULL, '23:59:59.999999', '1999-12-31 23:59:59.999999', '2024-02-29 12:00', NULL, ''),
    (40, 3, 'Ωmega', '中文字', 'Zyxwvu', '1', '-5', '42', 'NaN', '1e300', '-10001', '0', 't', '1066-10-14', '24:00', '1999-12-31 23:59:59.999999', '1999-12-31 23:59:59.999999', '00000000-0000-0000-0000-000000000000', NULL);

// The little application in node-postgres: text, named statements, and the simple protocol.
'use strict';
const { Client } = require(process.argv[2] + '/node_modules/pg');

const grete = 'grete.falkner@voltmail.example';
const people = [
  [1, grete, 'Grete Falkner', '1971-02-03', '10.50', true, 0.1, '8123456789012345', new Date(Date.UTC(2022, 11, 20, 8, 30, 1, 500)),
    '12345678-90ab-cdef-1234-567890abcdef', Buffer.from([0, 255, 92, 39, 120]), { b: [1, 2.5, null], a: 'ü' }, 'plain'],
  [2, 'ümit@voltmail.example', 'Ümit 張偉 🚗', null, '-0.01', false, Infinity, -1, null, null, Buffer.alloc(0), null, null],
  [3, null, '', '9999-12-31', null, null, null, null, null, null, null, '"x"', ''],
];

async function main() {
  const client = new Client({ host: '127.0.0.1', port: Number(process.argv[3]), database: process.argv[4], user: 'postgres', ssl: false });
  await client.connect();
  const show = (text, result) => {
    const fields = result.fields.map((f) => [f.name, f.dataTypeID, f.dataTypeModifier, f.dataTypeSize, f.format]);
    console.log(text, result.command, result.rowCount, JSON.stringify(fields), JSON.stringify(result.rows));
  };
  const run = async (text, values, name) => show(text, await client.query({ text, values, name }));
  const fails = async (text, values) => {
    try {
      await run(text, values);
    } catch (error) {
      console.log(text, 'failed:', error.code, error.constraint, error.column);
    }
  };
  const numbers = people[0].map((_, i) => '$' + (i + 1)).join(', ');
  for (const row of people) await run(`INSERT INTO people VALUES (${numbers})`, row, 'insert');
  await run('INSERT INTO cars VALUES ($1, $2, $3)', ['5YJ3E1EA7KF317000', grete, 'Kestrel']);
  await run('SELECT * FROM people ORDER BY id');
  const columns = ['id', 'email', 'name', 'born', 'balance', 'vip', 'score', 'serial', 'seen', 'key', 'photo', 'doc'];
  for (const [index, column] of columns.entries()) {
    for (let i = 0; i < 2; i++) await run(`SELECT id, ${column} FROM people WHERE ${column} = $1`, [people[0][index]], 'by ' + column);
  }
  await run('SELECT id FROM people WHERE email = ANY($1) ORDER BY id', [[grete, people[1][1], null]]);
  await run('SELECT p.id, c.vin FROM people p JOIN cars c ON c.owner = p.email');
  await run('UPDATE people SET name = $1, balance = $2 WHERE email = $3 RETURNING name, balance', ['Grete Falkner-Wu', 99.999, grete]);
  await fails('INSERT INTO people (id, email, name) VALUES ($1, $2, $3)', [9, grete, 'again']);
  await fails('INSERT INTO people (id, name) VALUES ($1, $2)', [9, null]);
  await fails('INSERT INTO people (id, name, born) VALUES ($1, $2, $3)', [9, 'x', '2023-02-30']);
  await client.query('BEGIN');
  await run('DELETE FROM people WHERE email = $1', [grete]);
  await client.query('ROLLBACK');
  await run("SELECT id, name FROM people WHERE email = 'ümit@voltmail.example'");
  // Not awaited one by one: queued by the driver.
  const queued = people.map((row) => client.query('SELECT id, name FROM people WHERE id = $1', [row[0]]));
  for (const result of await Promise.all(queued)) show('queued', result);
  await run('DELETE FROM people');
  await run('DELETE FROM cars');
  await client.end();
}

main().catch((error) => { console.error(error); process.exitCode = 1; });

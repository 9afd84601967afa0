// The admin console in node-postgres: the simple protocol, parameters' protocol, named statements.
'use strict';
const assert = require('assert');
const { Client } = require(process.argv[2] + '/node_modules/pg');

async function main() {
  const client = new Client({ host: '127.0.0.1', port: Number(process.argv[3]), database: 'pyrite', user: 'postgres', ssl: false });
  await client.connect();
  const clients = await client.query('SHOW CLIENTS');
  assert(clients.rows.at(-1).since instanceof Date);
  for (let i = 0; i < 3; i++) {
    const named = await client.query({ name: 'columns', text: 'show columns' });
    assert.strictEqual(typeof named.rows[0].protected, 'boolean');
  }
  const both = await client.query('SHOW VERSION; SHOW STATS');
  assert.strictEqual(both.length, 2);
  await client.query('BEGIN');
  await assert.rejects(client.query('RELOAD'), { code: '25001' });
  await client.query('ROLLBACK');
  await assert.rejects(client.query({ text: 'SHOW COLUMNS', values: [1] }), { code: '08P01' });
  await assert.rejects(client.query('SHOW KEY'), { code: '42601', position: '6', hint: 'Did you mean KEYS?' });
  assert.strictEqual((await client.query('RELOAD')).rowCount, 0);
  await client.end();
  console.log('node-postgres is served');
}

main().catch((error) => {
  console.error(error);
  process.exit(1);
});

// Calls every method of an unmodified TypeScript SDK, and says of each how it went.
//
// The only argument is the SDK's module. Standard input: {"url", "model", "worker_url", "profile", "pool"}: the model is
// that of reference_worker, and the profile the one of its worker. Standard output: a list of {"method": ..., "problem":
// what was wrong, or null}. Node 22, or 20 with --experimental-websocket.

import assert from "node:assert/strict";
import { text } from "node:stream/consumers";
import { pathToFileURL } from "node:url";

// Leases are renewed every minute; the test has not that long.
const { setTimeout: after } = globalThis;
globalThis.setTimeout = (action, delay, ...rest) => after(action, delay === 60_000 ? 100 : delay, ...rest);

const { PoolError, ProvisioningError, RequestError, SIEClient } = await import(pathToFileURL(process.argv[2]));
const job = JSON.parse(await text(process.stdin));
const { model, pool, profile } = job;
const client = new SIEClient(job.url);
const people = "Ada met Grace in London";

function same(array, expected, kind) {
  assert.ok(array instanceof kind, `${array?.constructor.name} instead of ${kind.name}`);
  assert.deepEqual([...array], expected);
}

/** The error of a kind that a call must end with. */
async function refusal(kind, call) {
  const error = await call().then(() => undefined, (error) => error);
  assert.ok(error instanceof kind, `${error} instead of ${kind.name}`);
  return error;
}

/** The first message of a stream that is then left. */
async function first(messages) {
  for await (const message of messages) return message;
  throw new Error("the stream ended without a message");
}

// Each of these is one row of the table.
const methods = {
  async encode() {
    const one = await client.encode(model, { id: "a", text: people });
    same(one.dense, [19, 5, 0, 0], Float32Array);
    const texts = Array.from({ length: 40 }, (_, place) => ({ text: "x".repeat(place + 1) }));
    const many = await client.encode(model, texts);
    assert.deepEqual(many.map((result) => result.dense[0]), texts.map((item) => item.text.length));
  },

  async encodeOutputs() {
    const result = await client.encode(model, { text: "a quick brown fox" }, {
      outputTypes: ["dense", "sparse", "multivector"], instruction: "find", isQuery: true, gpu: profile,
    });
    same(result.dense, [14, 4, 4, 1], Float32Array);
    same(result.sparse.indices, [1, 3, 5], Int32Array);
    same(result.sparse.values, [1, 1, 2], Float32Array);
    const rows = [[0, 1], [1, 5], [2, 5], [3, 3]];
    assert.equal(result.multivector.length, rows.length);
    result.multivector.forEach((row, place) => same(row, rows[place], Float32Array));
  },

  async encodeRefused() {
    let error = await refusal(RequestError, () => client.encode("no/such-model", { text: "x" }));
    assert.deepEqual([error.statusCode, error.code], [404, "MODEL_NOT_FOUND"]);
    error = await refusal(RequestError, () => client.encode(model, []));
    assert.deepEqual([error.statusCode, error.code], [400, "INVALID_INPUT"]);
  },

  async encodeProvisioning() {
    let error = await refusal(ProvisioningError, () => client.encode(model, { text: "x" }, { gpu: "absent" }));
    assert.equal(error.gpu, "absent");
    assert.ok(error.retryAfter >= 1000, `${error.retryAfter} ms`);
    const hasty = new SIEClient(job.url, { provisionTimeout: 200 });
    error = await refusal(ProvisioningError, () =>
      hasty.encode(model, { text: "x" }, { gpu: "absent", waitForCapacity: true }));
    assert.equal(error.gpu, "absent");
  },

  async score() {
    const documents = [{ id: "near", text: "the quick fox" }, { text: "a dog" }, { id: "far", text: "the cat" }];
    const result = await client.score(model, { text: "the quick brown fox" }, documents);
    const ranked = result.scores.map((entry) => [entry.itemId, entry.score, entry.rank]);
    assert.deepEqual(ranked, [["near", 3, 0], ["far", 1, 1], ["item-1", 0, 2]]);
    assert.equal(result.model, model);
  },

  async extract() {
    const result = await client.extract(model, { text: people }, { labels: ["Grace", "Paris", "London"] });
    const found = result.entities.map((each) => [each.text, each.label, each.start, each.end]);
    assert.deepEqual(found, [["Grace", "Grace", 8, 13], ["London", "London", 17, 23]]);
    const pair = await client.extract(model, [{ text: "a" }, { text: "b" }], { labels: ["b"], threshold: 0.5 });
    assert.deepEqual(pair.map((each) => each.entities.length), [0, 1]);
  },

  async listModels() {
    const found = (await client.listModels()).find((each) => each.name === model);
    assert.equal(found.loaded, true);
    assert.deepEqual(new Set(found.outputs), new Set(["dense", "sparse", "multivector", "score", "json"]));
    assert.deepEqual(found.dims, { dense: 4, sparse: 64, multivector: 2 });
  },

  async getModel() {
    const found = await client.getModel(model);
    assert.deepEqual([found.name, found.inputs], [model, ["text"]]);
    const error = await refusal(RequestError, () => client.getModel("no/such-model"));
    assert.equal(error.statusCode, 404);
  },

  async getCapacity() {
    const all = await client.getCapacity();
    assert.equal(all.status, "healthy");
    assert.ok(all.workerCount >= 1, `${all.workerCount} workers`);
    const one = await client.getCapacity(profile);
    assert.equal(one.workerCount, 1);
    assert.deepEqual(one.workers.map((worker) => worker.loadedModels), [[model]]);
    assert.equal((await client.getCapacity("absent")).workerCount, 0);
  },

  async waitForCapacity() {
    assert.equal((await client.waitForCapacity(profile, { timeout: 10_000, pollInterval: 50 })).workerCount, 1);
    assert.equal((await client.waitForCapacity(profile, { model })).workerCount, 1);
    const error = await refusal(ProvisioningError, () =>
      client.waitForCapacity("absent", { timeout: 200, pollInterval: 50 }));
    assert.equal(error.gpu, "absent");
  },

  async createPool() {
    for (let time = 0; time < 2; time++) await client.createPool(pool, { [profile]: 1 });
    const result = await client.encode(model, { text: "abc" }, { gpu: `${pool}/${profile}` });
    same(result.dense, [3, 1, 0, 0], Float32Array);
    const error = await refusal(PoolError, () => client.createPool("not a name", { [profile]: 1 }));
    assert.match(error.message, /name/);
  },

  async getPool() {
    const found = await client.getPool(pool);
    assert.deepEqual([found.name, found.status.state, found.spec.gpus], [pool, "active", { [profile]: 1 }]);
    assert.deepEqual(found.status.assignedWorkers.map((worker) => worker.gpu), [profile]);
    assert.equal(await client.getPool("no-such-pool"), null);
  },

  async renew() {
    const last = async () => (await client.getPool(pool)).status.lastRenewed;
    const before = await last();
    const deadline = Date.now() + 10_000;
    // The client renews in the background.
    while ((await last()) <= before) {
      assert.ok(Date.now() < deadline, "the lease is not renewed");
      await new Promise((done) => after(done, 20));
    }
  },

  async deletePool() {
    assert.equal(await client.deletePool(pool), true);
    assert.equal(await client.getPool(pool), null);
    assert.equal(await client.deletePool("default"), false);
  },

  async watchCluster() {
    for (const mode of ["auto", "cluster"]) {
      const message = await first(client.watch(mode));
      assert.ok(message.cluster.worker_count >= 1 && message.timestamp > 1e9, JSON.stringify(message));
      assert.ok(message.models.some((each) => each.name === model), JSON.stringify(message));
    }
  },

  async watchWorker() {
    // What the gateway asks of workers, a client may ask, too.
    const message = await first(new SIEClient(job.worker_url).watch("worker"));
    assert.equal(message.machine_profile, profile);
  },

  async close() {
    await client.close();
  },
};

const report = [];
for (const [method, call] of Object.entries(methods)) {
  const problem = await call().then(() => null, (error) => String(error?.stack ?? error));
  report.push({ method, problem });
}
console.log(JSON.stringify(report));

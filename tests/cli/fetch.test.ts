import { readFileSync, truncateSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { innate, scratch } from '../support/cli';
import { bytes, errorOf, fetching, HALF, sha256, until } from '../support/fetching';
import { checkpoint } from '../support/mini-adm';
import { openProxy } from '../support/model-host';

const { host, mirror, models, run, fetchOf, there } = await fetching();

describe('a model is fetched', () => {
  test('over a redirect, becomes what convert makes of its file, and every command knows it', async () => {
    host.behave({ redirect: `${mirror.url}/cdn/1234` });
    const { stdout, stderr, status } = await fetchOf('mini').end;
    expect(status, stderr).toBe(0);
    const { path, source } = JSON.parse(stdout);
    expect(source).toEqual({
      address: `${host.url}/mini/resolve/main/mini.pkl`,
      name: 'mini.pkl',
      bytes: bytes.length,
      sha256,
    });
    expect([host.requests, mirror.requests]).toMatchObject([
      [{ path: '/mini/resolve/main/mini.pkl' }],
      [{ path: '/cdn/1234' }],
    ]);
    expect(there()).toEqual(['mini.json', 'mini.safetensors']);

    const own = join(scratch(), 'mini.pkl');
    writeFileSync(own, bytes);
    const expected = `${own}.safetensors`;
    expect(innate('convert', own, expected, '--sigma', '2.5', '--backend', 'wasm').status).toBe(0);
    expect(readFileSync(path).equals(readFileSync(expected))).toBe(true);

    const image = join(scratch(), 'image.png');
    const made = await run([
      'generate',
      'mini',
      '--seeds',
      '0',
      '--class',
      'bee',
      '--backend',
      'cpu',
      '--out',
      image,
    ]).end;
    expect(made.status, made.stderr).toBe(0);
    const listed = await run(['models', 'list']).end;
    expect(listed.stdout).toMatch(
      /FID AS REPORTED[\s\S]*mini +fetched +1\.\d MB +16x16 +1 +1\.23 +Mini mini/,
    );
    expect(listed.stdout).toMatch(/by-hand +by hand/);
    expect(JSON.parse((await run(['models', 'list', '--json']).end).stdout).models[0].here.path).toBe(path);

    const again = await fetchOf('mini').end;
    expect([JSON.parse(again.stdout).already, host.requests.length]).toEqual([true, 1]);
  });

  test('a known length and checksum are compared; progress and result are for people too', async () => {
    const { stderr, stdout, status } = await run(['models', 'fetch', 'known']).end;
    expect(status, stderr).toBe(0);
    expect(stderr).toMatch(
      /Mini known: 2\.4 MB, from 127\.0\.0\.1:\d+\. Licence: MIT\nconnecting\ndownloading\n/,
    );
    expect(stdout).toContain(`sha256 ${sha256}`);
    expect(stdout).toContain('Use it as known');
  });

  test('into a folder of choice, from an address of choice', async () => {
    const dir = join(scratch(), 'deep', 'folder');
    const { stdout, status, stderr } = await fetchOf('mini', '--dir', dir, '--url', `${mirror.url}/file.pkl`)
      .end;
    expect(status, stderr).toBe(0);
    expect(JSON.parse(stdout).path).toBe(join(dir, 'mini.safetensors'));
    expect([there(), host.requests, mirror.requests.length]).toEqual([[], [], 1]);
  });

  test('of a file that was got by hand, which stays', async () => {
    const asked = await fetchOf('by-hand').end;
    expect(asked.status).toBe(1);
    expect(errorOf(asked.stdout)).toMatchObject({
      expected: 'its file from https://drive.example/folder',
      hint: expect.stringContaining('innate models fetch by-hand --from FILE'),
    });
    const given = await fetchOf('by-hand', '--from', checkpoint).end;
    expect(given.status, given.stderr).toBe(0);
    expect(JSON.parse(given.stdout).source).toMatchObject({
      address: null,
      name: 'mini-adm-16-cond.pkl',
      sha256,
    });
    expect(readFileSync(checkpoint).equals(bytes)).toBe(true);
    expect(there()).toEqual(['by-hand.json', 'by-hand.safetensors']);
  });

  test('through the proxy of the environment, but for the hosts that NO_PROXY names', async () => {
    const proxy = await openProxy(host.port);
    const url = 'http://models.example/mini.pkl';
    const through = await run(['models', 'fetch', 'mini', '--json', '--url', url], { HTTP_PROXY: proxy.url })
      .end;
    expect(through.status, through.stderr).toBe(0);
    expect(proxy.asked).toEqual(['models.example:80']);
    expect(host.requests).toMatchObject([{ path: '/mini.pkl' }]);
    models.remove('mini');
    const around = await run(['models', 'fetch', 'mini', '--json'], {
      HTTP_PROXY: proxy.url,
      NO_PROXY: '127.0.0.1',
    }).end;
    expect(around.status, around.stderr).toBe(0);
    expect(proxy.asked).toHaveLength(1);
    const wrong = await run(['models', 'fetch', 'known', '--json'], { HTTP_PROXY: 'no proxy' }).end;
    expect(errorOf(wrong.stdout)).toMatchObject({ code: 'bad-argument', where: 'HTTP_PROXY' });
  });
});

describe('a model that is used', () => {
  const generate = (id: string) =>
    run(['generate', id, '--seeds', '0', '--backend', 'cpu', '--json', '--out', join(scratch(), 'x.png')])
      .end;

  test('but is not here: the error says how to get it', async () => {
    expect(errorOf((await generate('mini')).stdout).hint).toBe('Run innate models fetch mini');
    expect(errorOf((await generate('by-hand')).stdout).hint).toContain('https://drive.example/folder');
    expect(host.requests).toEqual([]);
  });

  test('but is damaged: refused by the file’s name, seen by verify, replaced by fetch', async () => {
    await fetchOf('mini').end;
    const path = models.path('mini');
    const whole = readFileSync(path);
    truncateSync(path, 1000);
    expect(errorOf((await generate('mini')).stdout)).toMatchObject({
      code: 'bad-file',
      where: path,
      found: '1000',
    });
    const listed = await run(['models', 'list']).end;
    expect([listed.status, listed.stderr]).toEqual([0, expect.stringContaining(path)]);
    const again = await fetchOf('mini').end;
    expect(again.status, again.stderr).toBe(0);
    expect(readFileSync(path).equals(whole)).toBe(true);
    whole[whole.length - 1]! ^= 1;
    writeFileSync(path, whole);
    expect(() => models.find('mini')).not.toThrow(); // the length is right
  });
});

test('two at once: one fetches, the other says so, and the file is whole', async () => {
  host.behave({ stopsAfter: HALF });
  const first = fetchOf('mini');
  await until(() => host.requests.length === 1);
  const second = await fetchOf('mini').end;
  expect(second.status).toBe(1);
  expect(errorOf(second.stdout)).toMatchObject({
    message: 'another process fetches this model',
    where: models.file('mini', 'lock'),
    found: expect.stringContaining(`process ${first.child.pid}`),
  });
  first.child.kill('SIGINT');
  await first.end;
  host.behave();
  expect((await fetchOf('mini').end).status).toBe(0);
});

import { describe, expect, it } from 'vitest';
import { hostsOf, isAllowed } from '../../../src/lib/hosts';
import { Pace, secondsLeft } from '../../../src/storage/download/pace';
import { mayBeSame } from '../../../src/storage/download/record';

describe('hosts', () => {
  const hosts = hostsOf(undefined);

  it.each([
    'https://huggingface.co/UT-Austin-PML/SiDA/resolve/main/x.pkl',
    'https://cdn-lfs.huggingface.co/x',
    'https://us.aws.cdn.hf.co/xet-bridge-us/x?sign=1',
    'https://nvlabs-fi-cdn.nvidia.com/edm/pretrained/x.pkl',
    'https://huggingface.co:443/x',
  ])('%s may be asked', (address) => expect(isAllowed(address, hosts)).toBe(true));

  it.each([
    'http://huggingface.co/x',
    'https://hf.co/x',
    'https://huggingface.co.evil.example/x',
    'https://evilhuggingface.co/x',
    'https://evilhf.co/x',
    'https://huggingface.co:8443/x',
    'https://user:secret@huggingface.co/x',
    'https://huggingface.co@evil.example/x',
    'https://nvidia.com/x',
    'x.pkl',
    '',
  ])('%s may not', (address) => expect(isAllowed(address, hosts)).toBe(false));

  it('a scheme alone means all hosts, but by no other scheme', () => {
    expect(isAllowed('https://anywhere.example/x', ['https:'])).toBe(true);
    expect(isAllowed('http://anywhere.example/x', ['https:'])).toBe(false);
    expect(isAllowed('https://user:secret@anywhere.example/x', ['https:'])).toBe(false);
  });

  it('a build names its own, or none', () => {
    expect(hostsOf('none')).toEqual([]);
    expect(isAllowed('https://huggingface.co/x', hostsOf('none'))).toBe(false);
    const own = hostsOf(' https://models.example  http://localhost:8080 ');
    expect(isAllowed('http://localhost:8080/x', own)).toBe(true);
    expect(isAllowed('http://localhost:8081/x', own)).toBe(false);
    for (const wrong of [
      '*',
      'https:',
      'models.example',
      "https://a.example; script-src 'unsafe-inline'",
      '',
    ])
      expect(() => hostsOf(wrong), wrong).toThrow(/INNATE_HOSTS/);
  });
});

describe('pace', () => {
  it('is the mean of the last seconds, standstills included', () => {
    const pace = new Pace();
    let done = 0;
    for (let t = 0; t <= 20_000; t += 100) {
      done += 100_000;
      pace.tell(done, t);
    }
    expect(pace.rate(done, 20_000)).toBeCloseTo(1e6, -4);
    expect(pace.rate(done, 28_000)).toBeLessThan(0.6e6);
    expect(secondsLeft(done, done + 5e6, 1e6)).toBe(5);
  });

  it('is not said before it is known, nor time left of an unknown length or a standstill', () => {
    const pace = new Pace();
    expect(pace.rate(0, 0)).toBeNull();
    pace.tell(0, 0);
    expect(pace.rate(5e6, 500)).toBeNull();
    expect(pace.rate(5e6, 2000)).toBe(2.5e6);
    pace.restart();
    expect(pace.rate(5e6, 2000)).toBeNull();
    expect(secondsLeft(1, null, 1)).toBeNull();
    expect(secondsLeft(1, 2, 0)).toBeNull();
    expect(secondsLeft(1, 2, null)).toBeNull();
  });
});

it('versions: what both know has to agree', () => {
  const one = { bytes: 10, etag: '"a"', modified: 'Mon' };
  expect(mayBeSame(one, { bytes: null, etag: null, modified: null })).toBe(true);
  expect(mayBeSame(one, { ...one, etag: '"b"' })).toBe(false);
  expect(mayBeSame(one, { ...one, etag: 'W/"b"' })).toBe(true);
  expect(mayBeSame(one, { ...one, bytes: 11 })).toBe(false);
  expect(mayBeSame(one, { ...one, modified: 'Tue' })).toBe(false);
});

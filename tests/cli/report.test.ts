import { expect, it } from 'vitest';
import { Report } from '../../cli/report';

function set(json = false) {
  const lines: string[] = [];
  const clock = { ms: 0 };
  const report = new Report(json, { write: (text) => lines.push(text) }, () => clock.ms);
  return { lines, clock, report };
}

it('without a terminal progress is one line every ten seconds, with what is left', () => {
  const { lines, clock, report } = set();
  for (let done = 0; done < 2000; done += 10) {
    report.progress(done, 2000);
    clock.ms += 250;
  }
  report.progress(2000, 2000);
  expect(lines).toHaveLength(4);
  expect(lines[0]).toBe('400 of 2,000, 40 s left\n');
  expect(lines[3]).toBe('1,600 of 2,000, 10 s left\n');
});

it('a run that goes on counts its pace from where it began', () => {
  const { lines, clock, report } = set();
  report.progress(100_000, 200_000);
  clock.ms = 10_000;
  report.progress(100_100, 200_000);
  expect(lines).toEqual(['100,100 of 200,000, 2 h 47 min left\n']);
});

it('what is short says nothing, and neither does --json', () => {
  const short = set();
  for (const done of [0, 1, 2]) short.report.progress(done, 2);
  const json = set(true);
  json.report.progress(0, 100);
  json.clock.ms = 60_000;
  json.report.progress(1, 100);
  expect([short.lines, json.lines]).toEqual([[], []]);
});

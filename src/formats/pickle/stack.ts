import { badFile, InnateError } from '../../lib/errors';
import type { Budget } from './budget';
import { MAX_MARKS, MAX_MEMO, MAX_STACK } from './budget';
import type { Py } from './values';

/** The stack, marks and memo of a pickle machine, with the limits that keep a hostile pickle small. */
export abstract class PickleStack {
  readonly stack: Py[] = [];
  private readonly marks: number[] = [];
  private readonly memo = new Map<number, Py>();
  abstract readonly budget: Budget;
  /** Position of the current opcode, for messages. */
  abstract readonly where: string;

  refused(message: string): InnateError {
    return new InnateError('refused', message, { where: this.where });
  }

  wrong(message: string): InnateError {
    return badFile(message, { where: this.where });
  }

  push(value: Py): void {
    if (typeof value === 'string') this.budget.spend('text', value.length + 16, this);
    else this.budget.spend('objects', 1, this);
    this.stack.push(value);
  }

  /** Takes `count` values, none of which may lie below the newest mark. */
  take(count: number): Py[] {
    const floor = this.marks.at(-1) ?? 0;
    if (this.stack.length - count < floor)
      throw this.wrong('the pickle takes more from its stack than it put there');
    return count === 1 ? [this.stack.pop()!] : this.stack.splice(this.stack.length - count, count);
  }

  pop(): Py {
    return this.take(1)[0]!;
  }

  top(): Py {
    if (this.stack.length === (this.marks.at(-1) ?? 0)) throw this.wrong('the pickle stack is empty');
    return this.stack.at(-1)!;
  }

  sinceMark(): Py[] {
    const mark = this.marks.pop();
    if (mark === undefined) throw this.wrong('a mark is missing');
    return this.stack.splice(mark);
  }

  remember(key: number): void {
    if (this.memo.size >= MAX_MEMO) throw this.refused('the pickle remembers too many values');
    this.memo.set(key, this.top());
  }

  recall(key: number): void {
    const value = this.memo.get(key);
    if (value === undefined) throw this.wrong(`the pickle recalls value ${key}, which it never stored`);
    this.stack.push(value);
  }

  mark(): void {
    if (this.marks.push(this.stack.length) > MAX_MARKS) throw this.refused('the pickle nests too deeply');
  }

  /** CPython: with nothing above the newest mark, POP takes the mark itself. */
  popOrUnmark(): void {
    if (this.marks.at(-1) === this.stack.length) this.marks.pop();
    else this.pop();
  }

  /** MEMOIZE: the next free index. */
  memoize(): void {
    this.remember(this.memo.size);
  }

  checkHeight(): void {
    if (this.stack.length > MAX_STACK) throw this.refused('the pickle stack grows too high');
  }
}

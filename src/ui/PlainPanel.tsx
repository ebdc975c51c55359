import type { ReactNode } from 'react';
import './PlainPanel.css';

/** A view that has one thing to say. */
export function PlainPanel({ title, children }: { title: string; children: ReactNode }) {
  return (
    <section className="plain-panel">
      <h1>{title}</h1>
      {children}
    </section>
  );
}

/** A titled curve. */
export function Plot({ title, note, children }: { title: string; note: string; children: React.ReactNode }) {
  return (
    <div>
      <header className="part">
        <h3>{title}</h3>
        <p className="caption">{note}</p>
      </header>
      {children}
    </div>
  );
}

interface Props {
  caption: string;
  /** Heads of the columns behind the row's name. */
  columns: readonly string[];
  /** A row's name in words, and what its cells say. */
  rows: readonly { name: string; words: string; cells: readonly string[] }[];
}

/** What a drawn map shows, for who does not see it. */
export function HiddenTable({ caption, columns, rows }: Props) {
  return (
    <div className="hidden-text">
      <table>
        <caption>{caption}</caption>
        <thead>
          <tr>
            {['Block', ...columns].map((column) => (
              <th key={column} scope="col">
                {column}
              </th>
            ))}
          </tr>
        </thead>
        <tbody>
          {rows.map(({ name, words, cells }) => (
            <tr key={name}>
              <th scope="row">{words}</th>
              {cells.map((cell, i) => (
                <td key={columns[i]}>{cell}</td>
              ))}
            </tr>
          ))}
        </tbody>
      </table>
    </div>
  );
}

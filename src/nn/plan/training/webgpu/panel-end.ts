import {
  panelBlend,
  panelSquares,
  panelStep,
  SQUARE_SHARES,
  sumOfRows,
} from '../../../../gpu/kernels/optimiser';
import type { Panel } from './panels';
import { type View, wholeView } from './program';
import type { Site } from './site';

/** What is left of a panel's gradients, and what the step does with them. Their squares, in parts, where they are asked for. */
export function writePanel(site: Site, panel: Panel): View | null {
  for (const { rows, count, stride, gradients } of panel.summed)
    site.elements(
      {
        kernel: sumOfRows(),
        operands: [wholeView(rows), gradients],
        uniforms: { parts: count, stride, base: 0, accumulate: 0 },
      },
      stride,
    );
  const squares = panel.squares.length > 0 ? writeSquares(site, panel) : null;
  writeEnd(site, panel);
  return squares;
}

function writeSquares(site: Site, { gradients }: Panel): View {
  const { reducers, subgroupReduce } = site.options.traits;
  const view = site.program.value(SQUARE_SHARES);
  site.emit({
    kernel: panelSquares(reducers, subgroupReduce),
    operands: [wholeView(gradients), view],
    uniforms: { total: gradients.bytes / 4 },
    grid: [SQUARE_SHARES, 1, 1],
  });
  return view;
}

function writeEnd(site: Site, { parameters, gradients, end }: Panel): void {
  const [read, total] = [wholeView(gradients), gradients.bytes / 4];
  if (end.kind === 'blend') {
    const operands = [read, site.view(end.share), wholeView(end.sums)];
    site.elements({ kernel: panelBlend(), operands, uniforms: {} }, total);
    return;
  }
  const { rates, share, beta2, eps, seconds, averages, followers } = end;
  site.elements(
    {
      kernel: panelStep(averages !== null),
      operands: [
        read,
        site.view(rates),
        ...(share ? [site.view(share)] : []),
        wholeView(parameters),
        wholeView(seconds),
        ...(averages ? [wholeView(averages)] : []),
      ],
      uniforms: { beta2F: beta2, epsF: eps },
    },
    total,
  );
  for (const { share: own, averages: follower } of followers)
    site.elements(
      {
        kernel: panelBlend(),
        operands: [wholeView(parameters), site.view(own), wholeView(follower)],
        uniforms: {},
      },
      total,
    );
}

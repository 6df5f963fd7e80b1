// The columns of the two tables: what each says, in which unit, and by which order of the API it is sorted.

import type { Span } from '../api/types';
import { caller, callTime, exactTime } from '../calls/labels';
import { promptPreview } from '../calls/messages';
import { exactText, MISSING, plain, shortMoney, text } from '../format/quantity';
import type { TraceRow } from './questions';
import type { Column } from './VirtualTable.svelte';

const count = (value: number | null) => (value === null ? MISSING : plain(value));

/** The columns of traces. */
export function traceColumns(nowMs: () => number): Column<TraceRow>[] {
  return [
    {
      key: 'start',
      title: 'Time',
      width: '106px',
      sort: 'start',
      text: (row) => callTime(row.start_ms, nowMs()),
      hint: (row) => exactTime(row.start_ms),
    },
    { key: 'name', title: 'Trace', width: '22%', text: (row) => row.name, hint: (row) => row.name },
    {
      key: 'duration',
      title: 'Duration',
      width: '80px',
      align: 'right',
      sort: 'duration',
      text: (row) => text(row.duration_ms, 'ms'),
    },
    {
      key: 'spans',
      title: 'Spans',
      width: '64px',
      align: 'right',
      sort: 'spans',
      isMore: true,
      text: (row) => plain(row.spans),
    },
    {
      key: 'errors',
      title: 'Errors',
      width: '54px',
      align: 'right',
      isMore: true,
      text: (row) => (row.errors === 0 ? '' : plain(row.errors)),
    },
    {
      key: 'tokens',
      title: 'Tokens in / out',
      width: '112px',
      align: 'right',
      sort: 'tokens',
      isMore: true,
      text: (row) => `${count(row.input_tokens)} / ${count(row.output_tokens)}`,
      hint: (row) =>
        `${exactText(row.input_tokens, 'tokens')} in, ${exactText(row.output_tokens, 'tokens')} out`,
    },
    {
      key: 'cost',
      title: 'Cost',
      width: '78px',
      align: 'right',
      sort: 'cost',
      text: (row) => (row.cost_usd === null ? MISSING : shortMoney(row.cost_usd)),
    },
    {
      key: 'caller',
      title: 'Caller',
      width: '15%',
      isMore: true,
      isWide: true,
      isMuted: true,
      text: (row) => caller(row) || (row.service ?? MISSING),
      hint: (row) => caller(row),
    },
    {
      key: 'models',
      title: 'Models',
      width: '13%',
      isMore: true,
      isWide: true,
      text: (row) => row.models.join(', ') || MISSING,
      hint: (row) => row.models.join('\n'),
    },
    {
      key: 'input',
      title: 'Input',
      isMore: true,
      isMuted: true,
      text: (row) => promptPreview(row.input_preview),
    },
  ];
}

/** The columns of spans. */
export function spanColumns(nowMs: () => number): Column<Span>[] {
  const tokens = (span: Span, value: number | null) =>
    value === null ? MISSING : `${span.tokens_estimated ? '≈' : ''}${plain(value)}`;
  return [
    {
      key: 'start',
      title: 'Time',
      width: '106px',
      sort: 'start',
      text: (row) => callTime(row.start_ms, nowMs()),
      hint: (row) => exactTime(row.start_ms),
    },
    { key: 'status', title: 'Status', width: '104px', text: (row) => row.status },
    { key: 'kind', title: 'Kind', width: '84px', isMore: true, isMuted: true, text: (row) => row.kind },
    { key: 'name', title: 'Span', width: '20%', text: (row) => row.name, hint: (row) => row.name },
    {
      key: 'caller',
      title: 'Caller',
      width: '15%',
      isMore: true,
      isWide: true,
      isMuted: true,
      text: (row) => caller(row) || MISSING,
      hint: (row) => caller(row),
    },
    {
      key: 'duration',
      title: 'Latency',
      width: '82px',
      align: 'right',
      sort: 'duration',
      text: (row) => text(row.duration_ms, 'ms'),
    },
    {
      key: 'ttft',
      title: 'First token',
      width: '92px',
      align: 'right',
      sort: 'ttft',
      isMore: true,
      isWide: true,
      text: (row) => text(row.ttft_ms, 'ms'),
    },
    {
      key: 'tokens',
      title: 'Tokens in / out',
      width: '112px',
      align: 'right',
      sort: 'tokens',
      isMore: true,
      text: (row) => `${tokens(row, row.tokens.input)} / ${tokens(row, row.tokens.output)}`,
      hint: (row) =>
        `${exactText(row.tokens.input, 'tokens')} in, ${exactText(row.tokens.output, 'tokens')} out`,
    },
    {
      key: 'cost',
      title: 'Cost',
      width: '78px',
      align: 'right',
      sort: 'cost',
      isMore: true,
      text: (row) => (row.cost_usd === null ? MISSING : shortMoney(row.cost_usd)),
    },
    { key: 'input', title: 'Input', isMore: true, isMuted: true, text: (row) => promptPreview(row.input) },
  ];
}

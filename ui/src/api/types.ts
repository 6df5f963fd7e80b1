// The shapes of the API under short names. They are generated from the API's own document: `npm run types`.

import type { components } from './schema';

type Schemas = components['schemas'];

export type Answer = Schemas['QueryAnswer'];
export type Series = Schemas['SeriesItem'];
export type InstantAnswer = Schemas['InstantQueryAnswer'];
export type Unit = Schemas['Unit'];
export type Tags = Schemas['Tags'];
export type Span = Schemas['SpanItem'];
export type SpanPage = Schemas['SpanList'];
export type FacetValue = Schemas['FacetItem'];
export type Status = Schemas['ServerStatus'];
export type Key = Schemas['KeyItem'];
export type KeyCreated = Schemas['KeyCreated'];
export type KeyRequest = Schemas['KeyRequest'];
export type ErrorBody = Schemas['ErrorBody'];

// The pages of the app by path. A page is added here and nowhere else; the header lists what is listed here.

import type { Component } from 'svelte';
import Overview from '../overview/Overview.svelte';

/** A page of the app. */
export interface Route {
  path: string;
  title: string;
  page: Component;
}

export const ROUTES: readonly Route[] = [{ path: '/', title: 'Overview', page: Overview }];

/** The page at a path. */
export function routeOf(path: string): Route | undefined {
  const trimmed = path.length > 1 ? path.replace(/\/+$/, '') : path;
  return ROUTES.find((route) => route.path === trimmed);
}

// The pages of the app by path. A page is added here and nowhere else; the navigation lists what is listed here.
// Each page is a chunk of its own, asked for when someone goes there: the first paint carries no page but its own.

import type { Component } from 'svelte';

/** What the frame offers above a page: everything that narrows it, its time range only, or nothing. */
export type Scope = 'filters' | 'range' | 'nothing';

/** A page of the app. */
export interface Route {
  /** Ends in `/` where the rest of the path names what the page shows. */
  path: string;
  title: string;
  /** The outline of a 16 by 16 drawing; absent for pages that the navigation does not list. */
  icon?: string;
  /** What goes there after `g`. */
  key?: string;
  scope: Scope;
  load: () => Promise<Component>;
}

/** Neighbours in the navigation: sections by owner, single calls, the Weir itself. */
export const GROUPS: readonly (readonly Route[])[] = [
  [
    {
      path: '/',
      title: 'Overview',
      icon: 'M2.5 2.5h4.6v4.6H2.5zM8.9 2.5h4.6v4.6H8.9zM2.5 8.9h4.6v4.6H2.5zM8.9 8.9h4.6v4.6H8.9z',
      key: 'o',
      scope: 'filters',
      load: async () => (await import('../overview/Overview.svelte')).default,
    },
    {
      path: '/health',
      title: 'Health',
      icon: 'M1.5 8.5h3l1.8-5 3 9 1.9-4h3.3',
      key: 'h',
      scope: 'filters',
      load: async () => (await import('../health/Health.svelte')).default,
    },
    {
      path: '/quality',
      title: 'Quality',
      icon: 'M2.6 8.4l3.4 3.5 7.4-7.8',
      key: 'q',
      scope: 'filters',
      load: async () => (await import('../quality/Quality.svelte')).default,
    },
    {
      path: '/cost',
      title: 'Cost',
      icon: 'M8 1.5v13M11.3 4.6c-.5-1-1.7-1.6-3.2-1.6-1.9 0-3.2.9-3.2 2.4 0 3.4 6.6 1.8 6.6 5.1 0 1.5-1.4 2.5-3.4 2.5-1.7 0-3-.7-3.5-1.8',
      key: 'c',
      scope: 'filters',
      load: async () => (await import('../cost/Cost.svelte')).default,
    },
    {
      path: '/security',
      title: 'Security',
      icon: 'M8 1.6l5.4 2v4.1c0 3.2-2.2 5.6-5.4 6.7-3.2-1.1-5.4-3.5-5.4-6.7V3.6z',
      key: 's',
      scope: 'filters',
      load: async () => (await import('../security/Security.svelte')).default,
    },
  ],
  [
    {
      path: '/traces',
      title: 'Traces',
      icon: 'M1.8 3.5h8M4.5 8h9.7M7 12.5h5',
      key: 't',
      scope: 'filters',
      load: async () => (await import('../traces/Traces.svelte')).default,
    },
    {
      path: '/live',
      title: 'Live',
      icon: 'M8 7.2v1.6M5 5.2a4 4 0 0 0 0 5.6M11 5.2a4 4 0 0 1 0 5.6M2.8 3a7.1 7.1 0 0 0 0 10M13.2 3a7.1 7.1 0 0 1 0 10',
      key: 'l',
      scope: 'filters',
      load: async () => (await import('../live/Live.svelte')).default,
    },
    {
      path: '/explore',
      title: 'Explore',
      icon: 'M2 4l4 4-4 4M8 12.5h6',
      key: 'e',
      scope: 'range',
      load: async () => (await import('../explore/Explore.svelte')).default,
    },
    {
      path: '/dashboards',
      title: 'Dashboards',
      icon: 'M2 2.5h12v11H2zM2 6.5h12M7 6.5v7',
      key: 'd',
      scope: 'range',
      load: async () => (await import('../explore/Dashboards.svelte')).default,
    },
  ],
  [
    {
      path: '/monitors',
      title: 'Monitors',
      icon: 'M8 2a4 4 0 0 1 4 4v3l1.3 2.3H2.7L4 9V6a4 4 0 0 1 4-4zM6.6 13.4a1.6 1.6 0 0 0 2.8 0',
      key: 'm',
      scope: 'range',
      load: async () => (await import('../monitors/Monitors.svelte')).default,
    },
    {
      path: '/budgets',
      title: 'Budgets',
      icon: 'M2 4.5h12v8H2zM2 7.5h12M4.5 10.2h3',
      key: 'b',
      scope: 'nothing',
      load: async () => (await import('../budgets/Budgets.svelte')).default,
    },
    {
      path: '/cache',
      title: 'Cache',
      icon: 'M2.5 4a5.5 2 0 1 0 11 0 5.5 2 0 1 0-11 0M2.5 4v8c0 1.1 2.5 2 5.5 2s5.5-.9 5.5-2V4M2.5 8c0 1.1 2.5 2 5.5 2s5.5-.9 5.5-2',
      key: 'a',
      scope: 'filters',
      load: async () => (await import('../cache/Cache.svelte')).default,
    },
    {
      path: '/coverage',
      title: 'Coverage',
      icon: 'M6.2 3.2a4.8 4.8 0 1 0 0 9.6 4.8 4.8 0 1 0 0-9.6M9.8 3.2a4.8 4.8 0 1 1 0 9.6 4.8 4.8 0 1 1 0-9.6',
      key: 'v',
      scope: 'range',
      load: async () => (await import('../coverage/Coverage.svelte')).default,
    },
    {
      path: '/settings',
      title: 'Settings',
      icon: 'M2 4.5h7.2M12.8 4.5H14M2 11.5h1.2M6.8 11.5H14M11 2.7v3.6M5 9.7v3.6',
      key: ',',
      scope: 'nothing',
      load: async () => (await import('../settings/Settings.svelte')).default,
    },
  ],
];

/** Pages below other pages. */
const BELOW: readonly Route[] = [
  {
    path: '/traces/',
    title: 'Trace',
    scope: 'nothing',
    load: async () => (await import('../traces/Trace.svelte')).default,
  },
  {
    path: '/monitors/',
    title: 'Monitor',
    scope: 'range',
    load: async () => (await import('../monitors/Monitor.svelte')).default,
  },
  {
    path: '/edit-monitor',
    title: 'Edit monitor',
    scope: 'range',
    load: async () => (await import('../monitors/EditMonitor.svelte')).default,
  },
];

const ROUTES: readonly Route[] = [...GROUPS.flat(), ...BELOW];

/** The page at a path. */
export function routeOf(path: string): Route | undefined {
  const trimmed = path.length > 1 ? path.replace(/\/+$/, '') : path;
  return (
    ROUTES.find((route) => route.path === trimmed) ??
    BELOW.find(({ path: above }) => trimmed.startsWith(above))
  );
}

/** What the rest of a path names, below a page whose own path ends in `/`; empty when there is nothing. */
export function nameOf(path: string): string {
  const above = BELOW.find((route) => path.startsWith(route.path));
  return above ? decoded(path.slice(above.path.length).replace(/\/+$/, '')) : '';
}

/** Whether the navigation shows this page as the one that is open. */
export function isAt(route: Route, path: string): boolean {
  return route.path === '/' ? path === '/' : path === route.path || path.startsWith(`${route.path}/`);
}

function decoded(text: string): string {
  try {
    return decodeURIComponent(text);
  } catch {
    return text;
  }
}

// Shows what the service knows and what it tells, and changes nothing.
import { anchor, BackendView, findings } from './backend-view.mjs'
import { digits, element, table } from './dom.mjs'

/** Milliseconds within which events are put together. */
const PACE = 200
/** Milliseconds after which boards and results are asked for again. */
const SLOW_PACE = 10_000
const LONGEST_PAUSE = 10_000

const place = (id) => document.getElementById(id)
const views = new Map()
const states = new Map()
let heard = 0

async function ask(path) {
  const response = await fetch(path)
  if (!response.ok) throw new Error(`${path}: ${response.status}`)
  return response.json()
}

/** Calls of `work` close to one another become one, and one runs at a time. */
function paced(work) {
  let state = 'idle'
  const run = async () => {
    state = 'running'
    await work().catch((error) => console.error(error))
    if (state === 'again') later()
    else state = 'idle'
  }
  const later = () => {
    state = 'waiting'
    setTimeout(run, PACE)
  }
  return () => {
    if (state === 'idle') later()
    else if (state === 'running') state = 'again'
  }
}

const refreshers = new Map()
function refresh(id) {
  if (!refreshers.has(id)) {
    refreshers.set(
      id,
      paced(async () => {
        // It was deleted meanwhile.
        if (!refreshers.has(id)) return
        const response = await fetch(`/v1/backends/${id}`)
        if (response.status === 404) forget(id)
        else if (response.ok) show(await response.json())
      }),
    )
  }
  refreshers.get(id)()
}

function show(state) {
  states.set(state.id, state)
  let view = views.get(state.id)
  if (!view) {
    view = new BackendView(state.id)
    views.set(state.id, view)
    place('backends').append(view.node)
  }
  view.show(state)
  attention()
}

function forget(id) {
  views.get(id)?.node.remove()
  for (const map of [views, states, refreshers]) map.delete(id)
  attention()
}

let told = ''
function attention() {
  const all = [...states.values()].flatMap(findings)
  all.sort((a, b) => Number(b.bad) - Number(a.bad))
  const text = JSON.stringify(all)
  // What did not change is not read out again.
  if (text === told) return
  told = text
  const items = all.map(({ id, bad, lead, rest }) =>
    element('li', { class: bad && 'bad' }, element('a', { href: `#${anchor(id)}` }, lead), rest),
  )
  const nothing = states.size === 0 ? 'No network is in training here yet.' : 'Nothing was measured yet.'
  place('attention').replaceChildren(...(items.length > 0 ? items : [element('li', {}, nothing)]))
}

async function showAll() {
  const listed = await ask('/v1/backends')
  for (const id of [...views.keys()]) if (!listed.some((each) => each.id === id)) forget(id)
  for (const { id } of listed) show(await ask(`/v1/backends/${id}`))
  attention()
}

async function showBoards() {
  const boards = await ask('/v1/boards')
  place('boards').replaceChildren(
    table(
      'Boards',
      [
        { title: 'board', value: ({ board }) => board },
        { title: 'state', value: ({ state }) => state, kind: ({ state }) => `state ${state}` },
        { title: 'reached by', value: ({ connector }) => connector },
        { title: 'target', value: ({ target }) => target },
        { title: 'why', value: ({ state, reason }) => (state === 'unsupported' ? '' : reason) },
      ],
      boards,
    ),
  )
}

async function showResults() {
  const { results } = await ask('/v1')
  place('results-section').hidden = !results
  if (!results) return
  const list = await ask('/v1/results?limit=50')
  place('results').replaceChildren(
    table(
      'Kept results',
      [
        { title: 'number', value: ({ id }) => String(id), number: true },
        { title: 'when', value: ({ created_at }) => new Date(created_at).toLocaleString() },
        { title: 'kind', value: ({ kind }) => kind },
        { title: 'network', value: ({ network }) => network },
        { title: 'on', value: ({ board, target }) => board ?? target ?? '' },
        { title: 'epoch', value: ({ epoch }) => String(epoch ?? ''), number: true },
        {
          title: 'status',
          value: ({ status }) => status,
          kind: ({ status }) => status === 'failed' && 'bad',
        },
        {
          title: 'latency (µs)',
          value: ({ metrics }) =>
            digits(
              metrics?.latency_us ?? metrics?.val_backend_latency_us ?? metrics?.test_backend_latency_us,
            ),
          number: true,
        },
      ],
      list,
    ),
  )
}

function receive(event) {
  heard = Math.max(heard, event.id)
  const state = states.get(event.backend)
  if (event.type === 'deleted') forget(event.backend)
  else if (!state || event.type === 'result' || event.type === 'profile') refresh(event.backend)
  else {
    if (event.type === 'call') {
      state.call = event.state === 'begin' ? event.call : null
      state.step = null
    } else if (event.type === 'epoch') state.evaluating = event
    else if (event.type === 'progress') state.step = event
    views.get(event.backend).activity(state)
  }
}

let pause = 500
function connect() {
  const url = new URL('/v1/events', location.href)
  url.protocol = url.protocol.replace('http', 'ws')
  url.searchParams.set('after', String(heard))
  const socket = new WebSocket(url)
  const state = (text, kind) => {
    place('connection').textContent = text
    place('connection').className = kind
  }
  socket.addEventListener('open', () => {
    pause = 500
    state('live', 'live')
    // The service may be another one by now.
    showAll().catch((error) => console.error(error))
  })
  socket.addEventListener('message', ({ data }) => receive(JSON.parse(data)))
  socket.addEventListener('close', () => {
    state('connection lost, trying again', 'lost')
    heard = 0
    setTimeout(connect, pause)
    pause = Math.min(2 * pause, LONGEST_PAUSE)
  })
}

async function slowly(work) {
  for (;;) {
    if (!document.hidden) await work().catch((error) => console.error(error))
    await new Promise((resolve) => setTimeout(resolve, SLOW_PACE))
  }
}

connect()
slowly(showBoards)
slowly(showResults)

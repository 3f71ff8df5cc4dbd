//! The worker's desk: requests come in, are served one after the other, and
//! answered.

use super::engines::Engine;
use super::failure::Ended;
use super::js::words;
use super::load::{self, Load};
use super::{Failure, FailureCode, Request, Response, listen};
use crate::experiment::{Stage, Update};
use crate::model::Cancelled;
use crate::session::Host;
use js_sys::Promise;
use serde::Serialize;
use std::cell::{Cell, RefCell};
use std::collections::VecDeque;
use std::rc::Rc;
use std::sync::atomic::{AtomicU32, Ordering};
use wasm_bindgen::JsCast;
use wasm_bindgen::prelude::{Closure, JsValue};
use wasm_bindgen_futures::{JsFuture, spawn_local};
use web_sys::{
    AbortController, DedicatedWorkerGlobalScope, MessageChannel, MessageEvent, Performance,
};

/// Milliseconds of computing after which messages are looked at: short enough
/// for a person, long enough to cost nothing.
const BREATH_EVERY: f64 = 12.0;

/// Milliseconds between two reports of progress.
const PROGRESS_EVERY: f64 = 50.0;

/// The request that is being served, 0 for none. A global, because the panic
/// hook must know it.
static RUNNING: AtomicU32 = AtomicU32::new(0);

/// Starts listening to the page and says [`Response::Ready`].
///
/// # Errors
/// The browser's own, where this does not run in a dedicated worker.
pub fn serve() -> Result<(), JsValue> {
    std::panic::set_hook(Box::new(|panic| {
        // The worker cannot go on, and nobody else can tell the page why.
        post(&Response::Failed {
            id: RUNNING.load(Ordering::Relaxed),
            failure: Failure::new(
                FailureCode::Internal,
                format!(
                    "Patchbay's engine has a fault and stopped ({panic}); load the model again"
                ),
            ),
        });
    }));
    let scope: DedicatedWorkerGlobalScope = js_sys::global().dyn_into()?;
    let clock = scope.performance().ok_or("this worker has no clock")?;
    let desk = Rc::new(Desk {
        clock,
        channel: MessageChannel::new()?,
        waiting: RefCell::default(),
        running: RefCell::default(),
        engine: RefCell::default(),
    });
    let on_message = Closure::<dyn Fn(MessageEvent)>::new(move |event: MessageEvent| {
        desk.receive(event.data());
    });
    scope.set_onmessage(Some(on_message.as_ref().unchecked_ref()));
    // It listens as long as the worker lives.
    on_message.forget();
    post(&Response::Ready);
    Ok(())
}

struct Desk {
    clock: Performance,
    channel: MessageChannel,
    waiting: RefCell<VecDeque<Request>>,
    running: RefCell<Option<Running>>,
    /// Taken out while it runs.
    engine: RefCell<Option<Engine>>,
}

#[derive(Clone)]
struct Running {
    id: u32,
    abort: AbortController,
}

impl Desk {
    fn receive(self: &Rc<Self>, message: JsValue) {
        match listen::request(message) {
            Ok(Request::Cancel { id }) => self.cancel(id),
            Ok(request) => {
                self.waiting.borrow_mut().push_back(request);
                if self.running.borrow().is_none() {
                    spawn_local(self.clone().work());
                }
            }
            Err(refused) => post(&Response::Failed {
                id: refused.id,
                failure: refused.failure,
            }),
        }
    }

    /// Forgets a waiting request, and stops a running one at its next breath.
    fn cancel(&self, id: u32) {
        if let Some(running) = self.running.borrow().as_ref().filter(|r| r.id == id) {
            running.abort.abort();
        }
        let mut waiting = self.waiting.borrow_mut();
        let before = waiting.len();
        waiting.retain(|request| request.id() != id);
        if waiting.len() < before {
            post(&Response::Cancelled { id });
        }
    }

    async fn work(self: Rc<Self>) {
        loop {
            let Some(request) = self.waiting.borrow_mut().pop_front() else {
                return;
            };
            let id = request.id();
            let answer = match AbortController::new() {
                Ok(abort) => {
                    let running = Running { id, abort };
                    *self.running.borrow_mut() = Some(running.clone());
                    RUNNING.store(id, Ordering::Relaxed);
                    self.answer(request, &running).await
                }
                Err(e) => Err(Failure::new(FailureCode::Internal, words(&e)).into()),
            };
            RUNNING.store(0, Ordering::Relaxed);
            *self.running.borrow_mut() = None;
            post(&match answer {
                Ok(response) => response,
                Err(Ended::Cancelled) => Response::Cancelled { id },
                Err(Ended::Failed(failure)) => Response::Failed { id, failure },
            });
        }
    }

    async fn answer(&self, request: Request, running: &Running) -> Result<Response, Ended> {
        let attention = Attention::new(self, running);
        match request {
            Request::Load {
                id,
                model,
                place,
                backend,
            } => {
                let load = Load {
                    model: &model,
                    place: &place,
                    backend,
                    signal: &running.abort.signal(),
                    now: &|| self.clock.now(),
                    report: &|progress, waiting| {
                        post(&Response::Loading {
                            id,
                            progress,
                            waiting,
                        });
                    },
                    make_room: &|| drop(self.engine.borrow_mut().take()),
                };
                let loaded = load.run().await;
                if loaded.is_err() {
                    // Nobody reads what may still be on its way.
                    running.abort.abort();
                }
                let (engine, source) = loaded?;
                let (model, backend) = (engine.model().clone(), engine.backend().clone());
                *self.engine.borrow_mut() = Some(engine);
                Ok(Response::Loaded {
                    id,
                    model,
                    backend,
                    source,
                })
            }
            Request::Run {
                id,
                experiment,
                preview,
            } => {
                let engine = self.engine.borrow_mut().take();
                let mut engine = engine.ok_or_else(|| {
                    Failure::new(FailureCode::Model, "no model is loaded; load one first")
                })?;
                let report = engine.run(&experiment, preview, &attention).await;
                *self.engine.borrow_mut() = Some(engine);
                let report = Box::new(report?);
                Ok(Response::Done { id, report })
            }
            Request::Describe { id, model, place } => {
                let offer = load::offer(&model, &place, &running.abort.signal()).await?;
                let offer = Box::new(offer);
                Ok(Response::Described { id, offer })
            }
            Request::Forget { id, key } => {
                load::forget(&key).await;
                let store = load::list().await;
                Ok(Response::Kept { id, store })
            }
            Request::Kept { id } => {
                let store = load::list().await;
                Ok(Response::Kept { id, store })
            }
            // Never waits in line.
            Request::Cancel { .. } => Err(Ended::Cancelled),
        }
    }
}

impl Request {
    fn id(&self) -> u32 {
        match self {
            Self::Describe { id, .. }
            | Self::Load { id, .. }
            | Self::Kept { id }
            | Self::Forget { id, .. }
            | Self::Run { id, .. }
            | Self::Cancel { id } => *id,
        }
    }
}

/// What a running request pays to the page.
struct Attention<'a> {
    desk: &'a Desk,
    running: &'a Running,
    breathed: Cell<f64>,
    progress_told: Cell<f64>,
}

impl<'a> Attention<'a> {
    fn new(desk: &'a Desk, running: &'a Running) -> Self {
        Self {
            desk,
            running,
            breathed: Cell::new(desk.clock.now()),
            progress_told: Cell::new(f64::NEG_INFINITY),
        }
    }
}

impl Host for Attention<'_> {
    fn update(&self, update: Update) {
        if matches!(&update, Update::Progress(p) if p.stage != Stage::Load) {
            let now = self.now();
            if now - self.progress_told.get() < PROGRESS_EVERY {
                return;
            }
            self.progress_told.set(now);
        }
        post(&Response::Update {
            id: self.running.id,
            update: Box::new(update),
        });
    }

    fn now(&self) -> f64 {
        self.desk.clock.now()
    }

    async fn breathe(&self) -> Result<(), Cancelled> {
        if self.now() - self.breathed.get() >= BREATH_EVERY {
            // A turn of the event loop. A timer would be held back for 4 ms.
            let channel = &self.desk.channel;
            let turn = Promise::new(&mut |resolve, _| {
                channel.port1().set_onmessage(Some(&resolve));
            });
            // Neither can fail: the ports are open, and nothing rejects.
            if channel.port2().post_message(&JsValue::NULL).is_ok() {
                let _ = JsFuture::from(turn).await;
            }
            self.breathed.set(self.now());
        }
        match self.running.abort.signal().aborted() {
            true => Err(Cancelled),
            false => Ok(()),
        }
    }
}

/// Sends an answer to the page.
fn post(response: &Response) {
    let scope: DedicatedWorkerGlobalScope = js_sys::global().unchecked_into();
    let message = response.serialize(&serde_wasm_bindgen::Serializer::json_compatible());
    let sent = message
        .map_err(JsValue::from)
        .and_then(|m| scope.post_message(&m));
    if let Err(e) = sent {
        // The page would wait for ever: it must hear of it as of any other crash.
        wasm_bindgen::throw_val(e);
    }
}

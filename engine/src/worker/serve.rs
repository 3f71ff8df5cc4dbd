//! The worker's desk: requests come in, are served one after the other, and
//! answered.

use super::attention::Attention;
use super::engines::{Engine, On};
use super::failure::Ended;
use super::helpers::{self, Helpers};
use super::js::words;
use super::listen;
use super::load::{self, Load};
use super::problem::WorkerProblem;
use crate::device::Devices;
use crate::directions::files;
use crate::experiment::File;
use crate::protocol::{Failure, FailureCode, Keeping, Request, Response};
use crate::source::Place;
use futures_channel::oneshot::Sender;
use serde::Serialize;
use std::cell::RefCell;
use std::collections::VecDeque;
use std::rc::Rc;
use std::sync::atomic::{AtomicU32, Ordering};
use wasm_bindgen::JsCast;
use wasm_bindgen::prelude::{Closure, JsValue};
use wasm_bindgen_futures::spawn_local;
use web_sys::{
    AbortController, DedicatedWorkerGlobalScope, MessageChannel, MessageEvent, Performance,
};

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
        let fault = panic.to_string().replace('\n', " ");
        let problem = WorkerProblem::Stopped { fault };
        post(&Response::Failed {
            id: RUNNING.load(Ordering::Relaxed),
            failure: Failure::new(FailureCode::Internal, &problem),
        });
    }));
    let scope: DedicatedWorkerGlobalScope = js_sys::global().dyn_into()?;
    let clock = scope.performance().ok_or("this worker has no clock")?;
    let desk = Rc::new(Desk {
        clock,
        channel: MessageChannel::new()?,
        helpers: Helpers::new(),
        piece: RefCell::default(),
        asides: RefCell::default(),
        waiting: RefCell::default(),
        running: RefCell::default(),
        place: RefCell::default(),
        devices: Devices::default(),
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

pub(super) struct Desk {
    pub clock: Performance,
    pub channel: MessageChannel,
    pub helpers: Rc<Helpers>,
    /// Where the next piece of a shared sweep goes.
    pub piece: RefCell<Option<Sender<Option<u64>>>>,
    waiting: RefCell<VecDeque<Request>>,
    running: RefCell<Option<Running>>,
    /// Requests that need no engine, and so do not wait for it.
    asides: RefCell<Vec<Running>>,
    /// Where the model's addresses started from, and those of dictionaries do.
    pub place: RefCell<Option<Place>>,
    devices: Devices,
    /// Taken out while it runs.
    engine: RefCell<Option<Engine>>,
}

#[derive(Clone)]
pub(super) struct Running {
    pub id: u32,
    pub abort: AbortController,
}

impl Desk {
    fn receive(self: &Rc<Self>, message: JsValue) {
        match listen::request(message) {
            Ok(Request::Cancel { id }) => self.cancel(id),
            Ok(Request::Ping { id }) => post(&Response::Alive { id }),
            Ok(Request::Piece { piece, .. }) => {
                if let Some(give) = self.piece.take() {
                    // Whoever wanted it may have been stopped.
                    let _ = give.send(piece);
                }
            }
            Ok(
                request @ (Request::Describe { .. }
                | Request::Kept { .. }
                | Request::Forget { .. }
                | Request::Open { .. }
                | Request::Read { .. }),
            ) => {
                spawn_local(self.clone().aside(request));
            }
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
            self.helpers.crew().close();
            self.piece.take();
        }
        let asides = self.asides.borrow();
        asides
            .iter()
            .filter(|a| a.id == id)
            .for_each(|a| a.abort.abort());
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
                Err(e) => {
                    let reason = words(&e);
                    let problem = WorkerProblem::Browser { reason };
                    Err(Failure::new(FailureCode::Internal, &problem).into())
                }
            };
            RUNNING.store(0, Ordering::Relaxed);
            *self.running.borrow_mut() = None;
            end(id, answer);
        }
    }

    async fn aside(self: Rc<Self>, request: Request) {
        let id = request.id();
        let Ok(abort) = AbortController::new() else {
            return self.cancel(id);
        };
        let signal = abort.signal();
        let running = Running { id, abort };
        self.asides.borrow_mut().push(running.clone());
        let answer = match request {
            Request::Describe { model, place, .. } => load::offer(&model, &place, &signal)
                .await
                .map(|offer| Response::Described {
                    id,
                    offer: Box::new(offer),
                })
                .map_err(Ended::from),
            Request::Read {
                name, bytes, layer, ..
            } => files::direction(&name, &bytes, layer)
                .map(|direction| Response::Direction {
                    id,
                    direction: Box::new(direction),
                })
                .map_err(|fault| {
                    let problem = WorkerProblem::DirectionFile { name, fault };
                    Failure::new(FailureCode::Experiment, &problem).into()
                }),
            Request::Open { url, .. } => load::experiment(&url, &signal)
                .await
                .map(|text| Response::Opened { id, text })
                .map_err(Ended::from),
            request => {
                if let Request::Forget { key, .. } = &request {
                    load::forget(key).await;
                }
                let store = load::list().await;
                Ok(Response::Kept { id, store })
            }
        };
        self.asides.borrow_mut().retain(|a| a.id != id);
        // Nobody reads what may still be on its way.
        running.abort.abort();
        end(id, answer);
    }

    async fn answer(&self, request: Request, running: &Running) -> Result<Response, Ended> {
        match request {
            Request::Load {
                id,
                model,
                place,
                backend,
                engines,
                faulty,
            } => {
                let load = Load {
                    model: &model,
                    place: &place,
                    on: On {
                        choice: backend,
                        faulty: faulty.as_deref(),
                        devices: &self.devices,
                        clock: &self.clock,
                    },
                    signal: &running.abort.signal(),
                    now: &|| self.clock.now(),
                    report: &|progress, waiting| {
                        post(&Response::Loading {
                            id,
                            progress,
                            waiting,
                        });
                    },
                    make_room: &|| {
                        self.helpers.dismiss();
                        drop(self.engine.borrow_mut().take());
                    },
                };
                let loaded = load.run().await;
                if loaded.is_err() {
                    // Nobody reads what may still be on its way.
                    running.abort.abort();
                }
                let (engine, source) = loaded?;
                let (info, on) = (engine.model().clone(), engine.backend().clone());
                if on.name == "cpu" && source.kept != Keeping::NotKept {
                    let more = helpers::wanted(engines, info.parameters);
                    self.helpers.hire(more, &model, &place);
                }
                *self.engine.borrow_mut() = Some(engine);
                *self.place.borrow_mut() = Some(place);
                Ok(Response::Loaded {
                    id,
                    model: info,
                    backend: on,
                    source: Box::new(source),
                })
            }
            Request::Run {
                id,
                experiment,
                preview,
                agreed,
                share,
            } => {
                let mut engine = self.engine()?;
                let attention = Attention::new(self, running, share, agreed);
                if !preview && !share {
                    self.helpers.begin(&experiment);
                }
                let report = engine.run(&experiment, preview, &attention).await;
                self.helpers.end();
                *self.engine.borrow_mut() = Some(engine);
                let report = Box::new(report?);
                Ok(Response::Done { id, report })
            }
            Request::Export {
                id,
                experiment,
                what,
                agreed,
            } => {
                let mut engine = self.engine()?;
                let attention = Attention::new(self, running, false, agreed);
                let file = engine.export(&experiment, &what, &attention).await;
                *self.engine.borrow_mut() = Some(engine);
                let File { name, bytes, .. } = file?;
                Ok(Response::File { id, name, bytes })
            }
            // These never wait in line.
            Request::Read { .. }
            | Request::Open { .. }
            | Request::Describe { .. }
            | Request::Kept { .. }
            | Request::Forget { .. }
            | Request::Piece { .. }
            | Request::Cancel { .. }
            | Request::Ping { .. } => Err(Ended::Cancelled),
        }
    }
}

impl Desk {
    /// The engine, out of its place.
    fn engine(&self) -> Result<Engine, Failure> {
        let engine = self.engine.borrow_mut().take();
        engine.ok_or_else(|| Failure::new(FailureCode::Model, &WorkerProblem::NoModel))
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
            | Self::Export { id, .. }
            | Self::Read { id, .. }
            | Self::Open { id, .. }
            | Self::Piece { id, .. }
            | Self::Cancel { id }
            | Self::Ping { id } => *id,
        }
    }
}

/// Tells how a request ended.
fn end(id: u32, answer: Result<Response, Ended>) {
    post(&match answer {
        Ok(response) => response,
        Err(Ended::Cancelled) => Response::Cancelled { id },
        Err(Ended::Failed(failure)) => Response::Failed { id, failure },
    });
}

/// Sends an answer to the page.
pub(super) fn post(response: &Response) {
    let scope: DedicatedWorkerGlobalScope = js_sys::global().unchecked_into();
    let form = serde_wasm_bindgen::Serializer::json_compatible().serialize_bytes_as_arrays(false);
    let message = response.serialize(&form);
    let sent = message
        .map_err(JsValue::from)
        .and_then(|m| scope.post_message(&m));
    if let Err(e) = sent {
        // The page would wait for ever: it must hear of it as of any other crash.
        wasm_bindgen::throw_val(e);
    }
}

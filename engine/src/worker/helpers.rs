//! Further engines on further cores: workers of this worker, each with the model,
//! that take pieces of its sweeps. No memory is shared, so that it works in any
//! page, embeds included.

use super::js::device;
use crate::experiment::{Experiment, Room, Update};
use crate::protocol::{Agreed, BackendChoice, Request, Response};
use crate::session::Crew;
use crate::source::Place;
use serde::Serialize;
use std::cell::{Cell, RefCell};
use std::rc::Rc;
use wasm_bindgen::prelude::Closure;
use wasm_bindgen::{JsCast, JsValue};
use web_sys::{MessageEvent, Worker, WorkerGlobalScope, WorkerOptions, WorkerType};

const LOAD: u32 = 1;

/// How many engines to have beside this one.
pub fn wanted(engines: Option<usize>, parameters: u64) -> usize {
    match engines {
        Some(engines) => engines.saturating_sub(1),
        None => device().helpers(parameters),
    }
}

/// The other engines.
#[derive(Default)]
pub struct Helpers {
    crew: Crew,
    staff: RefCell<Vec<Helper>>,
    /// The experiment whose sweep is shared now, and the number it goes by.
    sharing: RefCell<Option<Experiment>>,
    round: Cell<u32>,
    /// Goes up with each dismissal: what older helpers say is not heard.
    generation: Cell<u32>,
}

struct Helper {
    worker: Worker,
    /// What it is to load once it listens.
    load: Request,
    loaded: Cell<bool>,
    /// Waits for its next piece.
    waits: Cell<bool>,
    _hears: Closure<dyn Fn(MessageEvent)>,
    _fails: Closure<dyn Fn(JsValue)>,
}

impl Drop for Helper {
    fn drop(&mut self) {
        self.worker.terminate();
    }
}

impl Helpers {
    pub fn new() -> Rc<Self> {
        Rc::new(Self {
            round: Cell::new(LOAD),
            ..Self::default()
        })
    }

    pub fn crew(&self) -> &Crew {
        &self.crew
    }

    /// Starts engines and lets them load the model, which the browser keeps.
    /// Where it does not allow them, this engine goes on alone.
    pub fn hire(self: &Rc<Self>, helpers: usize, model: &str, place: &Place) {
        for who in 0..helpers {
            let load = Request::Load {
                id: LOAD,
                model: model.into(),
                place: place.clone(),
                backend: BackendChoice::Cpu,
                engines: Some(1),
                faulty: None,
            };
            let Ok(helper) = self.start(who, load) else {
                return;
            };
            self.staff.borrow_mut().push(helper);
        }
    }

    /// Ends them all.
    pub fn dismiss(&self) {
        self.generation.set(self.generation.get() + 1);
        self.staff.borrow_mut().clear();
        self.end();
    }

    /// Lets them prepare for an experiment's sweep.
    pub fn begin(&self, experiment: &Experiment) {
        if experiment.room != Room::Patching || experiment.sweeps.is_empty() {
            return;
        }
        self.round.set(self.round.get() + 1);
        self.sharing.replace(Some(experiment.sweeps_only()));
        let staff = self.staff.borrow();
        staff
            .iter()
            .filter(|h| h.loaded.get())
            .for_each(|h| self.share(h));
    }

    /// Stops what they may still do.
    pub fn end(&self) {
        self.crew.close();
        if self.sharing.take().is_none() {
            return;
        }
        let id = self.round.get();
        for helper in self.staff.borrow().iter().filter(|h| h.loaded.get()) {
            helper.waits.set(false);
            helper.send(&Request::Cancel { id });
        }
    }

    /// Gives pieces to those who asked before any were laid out.
    pub fn answer_waiting(&self) {
        for (who, helper) in self.staff.borrow().iter().enumerate() {
            if helper.waits.get() {
                self.give(who, helper);
            }
        }
    }

    fn give(&self, who: usize, helper: &Helper) {
        helper.waits.set(!self.crew.is_open());
        if self.crew.is_open() {
            let (id, piece) = (self.round.get(), self.crew.take(who));
            helper.send(&Request::Piece { id, piece });
        }
    }

    fn share(&self, helper: &Helper) {
        if let Some(experiment) = &*self.sharing.borrow() {
            helper.send(&Request::Run {
                id: self.round.get(),
                experiment: Box::new(experiment.clone()),
                preview: false,
                share: true,
                agreed: Agreed::default(),
            });
        }
    }

    fn start(self: &Rc<Self>, who: usize, load: Request) -> Result<Helper, JsValue> {
        let scope: WorkerGlobalScope = js_sys::global().unchecked_into();
        let options = WorkerOptions::new();
        options.set_type(WorkerType::Module);
        options.set_name("patchbay-helper");
        let worker = Worker::new_with_options(&scope.location().href(), &options)?;
        let generation = self.generation.get();
        let helpers = Rc::downgrade(self);
        let hears = Closure::<dyn Fn(MessageEvent)>::new(move |event: MessageEvent| {
            if let Some(helpers) = helpers.upgrade()
                && helpers.generation.get() == generation
                && let Ok(response) = serde_wasm_bindgen::from_value(event.data())
            {
                helpers.hear(who, response);
            }
        });
        let helpers = Rc::downgrade(self);
        let fails = Closure::<dyn Fn(JsValue)>::new(move |_| {
            if let Some(helpers) = helpers.upgrade()
                && helpers.generation.get() == generation
            {
                helpers.lose(who);
            }
        });
        worker.set_onmessage(Some(hears.as_ref().unchecked_ref()));
        worker.set_onerror(Some(fails.as_ref().unchecked_ref()));
        Ok(Helper {
            worker,
            load,
            loaded: Cell::new(false),
            waits: Cell::new(false),
            _hears: hears,
            _fails: fails,
        })
    }

    fn hear(&self, who: usize, response: Response) {
        let staff = self.staff.borrow();
        let Some(helper) = staff.get(who) else {
            return;
        };
        let now = self.round.get();
        match response {
            Response::Ready => helper.send(&helper.load),
            Response::Loaded { .. } => {
                helper.loaded.set(true);
                self.share(helper);
            }
            Response::Wants { id } if id == now => self.give(who, helper),
            Response::Update { id, update } if id == now => {
                if let Update::Piece { cells } = *update {
                    self.crew.deliver(who, cells);
                }
            }
            Response::Failed { id, .. } if id == now || id == LOAD => self.lose(who),
            _ => {}
        }
    }

    /// It does not do its piece, nor any other of this sweep.
    fn lose(&self, who: usize) {
        self.crew.lose(who);
    }
}

impl Helper {
    fn send(&self, request: &Request) {
        let message = request.serialize(&serde_wasm_bindgen::Serializer::json_compatible());
        if let Ok(message) = message {
            // One that cannot be reached does nothing, and what it does not do is done here.
            let _ = self.worker.post_message(&message);
        }
    }
}

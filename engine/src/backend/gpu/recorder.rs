//! Commands on their way to the device. Operations are recorded into one command
//! encoder, which the queue gets when numbers are read or enough has piled up.

use super::calls::{Call, Head, PARAMS_BYTES};
use super::faults::{Faults, Scopes};
use super::faulty::Faulty;
use super::kernels::{Kernel, Kernels};
use super::pool::{Held, Kind, Pool};
use super::{BackendError, Result};
use crate::backend::Many;
use crate::experiment::Counters;
use std::cell::{Cell, RefCell};
use std::rc::Rc;

/// Bytes of parameters and row lists that one submission holds.
const ARENA: usize = 1 << 20;
/// A longer list of rows gets a buffer of its own.
const ARENA_SHARE: usize = ARENA / 4;
/// Parameters start at multiples of this: WebGPU's alignment of dynamic offsets.
const ALIGN: usize = 256;
/// Multiplications recorded before the queue gets them: systems reset a GPU that is
/// busy with one submission for seconds. A GPU of 100 GFLOP/s, which is slow, is busy
/// for less than one; a chunk of a sweep of GPT-2 small is 22 G, read closely 32 G.
const WORK: u64 = 40 << 30;
/// The same of an adapter in software.
const WORK_IN_SOFTWARE: u64 = 4 << 30;
/// Bytes written before the queue is told to take them: until then they are held twice.
const WRITTEN: u64 = 64 << 20;
/// Stands for the arena among buffers' ids, which start at 1.
const ARENA_ID: u64 = 0;

pub(super) struct Recorder {
    pub device: wgpu::Device,
    pub queue: wgpu::Queue,
    pub faults: Faults,
    pub pool: Pool,
    pub kernels: Kernels,
    max_groups: u32,
    max_across: u32,
    most_work: u64,
    /// Parameters and row lists. `Queue::write_buffer` acts before everything in
    /// the next submission, so it must not be aimed at what a recorded command
    /// reads: the arena is written once per submission, just before it.
    arena: wgpu::Buffer,
    state: RefCell<State>,
    written: Cell<u64>,
    counts: Cell<Counts>,
}

/// What was done so far.
#[derive(Clone, Copy, Default)]
struct Counts {
    dispatches: u64,
    submissions: u64,
    bytes_written: u64,
    bytes_read: u64,
}

#[derive(Default)]
struct State {
    // In this order: a pass ends before its encoder goes.
    pass: Option<wgpu::ComputePass<'static>>,
    encoder: Option<wgpu::CommandEncoder>,
    arena: Vec<u8>,
    work: u64,
    scopes: Option<Scopes>,
    /// Bytes made by the pool when the scopes were opened.
    made: u64,
}

/// A kernel to run.
pub(super) struct Dispatch<'a> {
    pub kernel: Kernel,
    /// Of this kernel.
    pub call: &'a dyn Call,
    /// Workgroups.
    pub groups: u64,
    /// Multiplications, roughly.
    pub work: u64,
}

impl Recorder {
    /// `software`: the adapter is the CPU in disguise; `faulty`: what is to be wrong.
    pub fn new(
        device: wgpu::Device,
        queue: wgpu::Queue,
        faults: Faults,
        pool: Pool,
        software: bool,
        faulty: Option<Faulty>,
    ) -> Self {
        use wgpu::BufferUsages as Use;
        let state = State {
            scopes: Some(Scopes::open(&device)),
            ..State::default()
        };
        Self {
            arena: device.create_buffer(&wgpu::BufferDescriptor {
                label: Some("arena"),
                size: ARENA as u64,
                usage: Use::UNIFORM | Use::STORAGE | Use::COPY_SRC | Use::COPY_DST,
                mapped_at_creation: false,
            }),
            kernels: Kernels::new(device.clone(), faulty),
            max_groups: device.limits().max_compute_workgroups_per_dimension,
            max_across: device.limits().max_compute_workgroups_per_dimension,
            most_work: match software {
                true => WORK_IN_SOFTWARE,
                false => WORK,
            },
            state: RefCell::new(state),
            written: Cell::new(0),
            counts: Cell::default(),
            device,
            queue,
            faults,
            pool,
        }
    }

    pub fn dispatch(&self, d: &Dispatch) -> Result<()> {
        self.faults.check_lost()?;
        #[cfg(debug_assertions)]
        assert_eq!(d.call.name(), d.kernel.call(), "{:?}", d.kernel);
        let groups = self.kernels.groups(d.kernel, d.groups);
        if groups == 0 {
            return Ok(());
        }
        let (across, down) = self.grid(groups)?;
        let list = d.call.list();
        let words: &[u8] = bytemuck::cast_slice(list.unwrap_or(&[]));
        let (inline, long) = match words.len() > ARENA_SHARE {
            true => (&[][..], Some(self.hold_bytes(words)?)),
            false => (words, None),
        };
        let at = self.arena_put(inline, PARAMS_BYTES, |at, place| {
            let list_at = if long.is_some() { 0 } else { at + PARAMS_BYTES };
            #[allow(clippy::cast_possible_truncation)] // within the arena
            let list = (list_at / 4) as u32;
            let (head, params) = place.split_at_mut(size_of::<Head>());
            head.copy_from_slice(bytemuck::bytes_of(&Head { list, across }));
            let own = d.call.params();
            params[..own.len()].copy_from_slice(own);
        });
        let arena = (ARENA_ID, &self.arena);
        let list = list.map(|_| long.as_ref().map_or(arena, |h| (h.id, &h.buffer)));
        let held = d.call.buffers().into_iter().map(|h| (h.id, &h.buffer));
        let buffers: Vec<_> = list.into_iter().chain(held).collect();
        let bind_group = self.kernels.bind(d.kernel, &self.arena, &buffers);
        let mut state = self.state.borrow_mut();
        let pass = state.pass(self);
        pass.set_pipeline(self.kernels.pipeline(d.kernel));
        pass.set_bind_group(0, &bind_group, &[at]);
        pass.dispatch_workgroups(across, down, 1);
        state.work += d.work;
        let enough = state.work >= self.most_work;
        self.count(|c| c.dispatches += 1);
        drop(state);
        if enough {
            self.submit();
        }
        Ok(())
    }

    fn count(&self, f: impl FnOnce(&mut Counts)) {
        let mut counts = self.counts.get();
        f(&mut counts);
        self.counts.set(counts);
    }

    /// Notes that so many bytes were read.
    pub fn read(&self, bytes: u64) {
        self.count(|c| c.bytes_read += bytes);
    }

    /// What was done and made so far.
    pub fn counters(&self) -> Counters {
        let counts = self.counts.get();
        Counters {
            dispatches: counts.dispatches,
            submissions: counts.submissions,
            // The arena is one of them.
            buffers_made: self.pool.made().0 + 1,
            pipelines_made: self.kernels.made(),
            bytes_written: counts.bytes_written,
            bytes_read: counts.bytes_read,
        }
    }

    /// Runs at most so many workgroups side by side.
    pub fn narrow(&mut self, across: u32) {
        self.max_across = self.max_across.min(across.max(1));
    }

    /// Workgroups across and down, at least `groups` together.
    fn grid(&self, groups: u64) -> Result<(u32, u32)> {
        let (across, down) = (u64::from(self.max_across), u64::from(self.max_groups));
        let lines = groups.div_ceil(across);
        match (u32::try_from(groups.div_ceil(lines)), u32::try_from(lines)) {
            (Ok(x), Ok(y)) if y <= self.max_groups => Ok((x, y)),
            (Ok(_) | Err(_), Ok(_) | Err(_)) => Err(BackendError::TooMany {
                what: Many::Workgroups,
                most: across * down,
                found: groups,
            }),
        }
    }

    /// Puts `zeros` bytes, filled in by `fill`, and then `bytes` into the arena;
    /// where they start. What is recorded goes to the queue first if it is full.
    fn arena_put(&self, bytes: &[u8], zeros: usize, fill: impl FnOnce(usize, &mut [u8])) -> u32 {
        let full = {
            let arena = &self.state.borrow().arena;
            arena.len().next_multiple_of(ALIGN) + zeros + bytes.len() > ARENA
        };
        if full {
            self.submit();
        }
        let arena = &mut self.state.borrow_mut().arena;
        let at = arena.len().next_multiple_of(ALIGN);
        arena.resize(at + zeros, 0);
        fill(at, &mut arena[at..]);
        arena.extend_from_slice(bytes);
        #[allow(clippy::cast_possible_truncation)] // within the arena
        let at = at as u32;
        at
    }

    /// Fills the start of a buffer that no recorded command uses.
    pub fn write(&self, to: &Held, bytes: &[u8]) {
        if bytes.is_empty() {
            return;
        }
        if self.pool.recording() && bytes.len() > ARENA_SHARE {
            // The buffer may be one that a recorded command used before it was
            // given back; the write must come after that command.
            self.submit();
        }
        if self.pool.recording() {
            let at = self.arena_put(bytes, 0, |_, _| ());
            self.copy_buffer(&self.arena, u64::from(at), to, 0, bytes.len() as u64);
        } else {
            self.write_now(to, 0, bytes);
        }
    }

    /// Fills a buffer that nothing recorded ever used, from a byte on.
    pub fn write_now(&self, to: &Held, at: u64, bytes: &[u8]) {
        self.queue.write_buffer(&to.buffer, at, bytes);
        self.written.set(self.written.get() + bytes.len() as u64);
        self.count(|c| c.bytes_written += bytes.len() as u64);
        if self.written.get() >= WRITTEN {
            self.submit();
        }
    }

    fn hold_bytes(&self, bytes: &[u8]) -> Result<Rc<Held>> {
        let held = self.pool.take(Kind::Result, bytes.len() as u64)?;
        self.write(&held, bytes);
        Ok(held)
    }

    /// Copies bytes from `offset` of a buffer to `at` of another.
    pub fn copy_buffer(&self, source: &wgpu::Buffer, offset: u64, to: &Held, at: u64, bytes: u64) {
        let mut state = self.state.borrow_mut();
        let encoder = state.encoder(self);
        encoder.copy_buffer_to_buffer(source, offset, &to.buffer, at, bytes);
    }

    /// Sets the start of a buffer to zero.
    pub fn clear(&self, to: &Held, bytes: u64) {
        let mut state = self.state.borrow_mut();
        let encoder = state.encoder(self);
        encoder.clear_buffer(&to.buffer, 0, Some(bytes));
    }

    /// Gives the queue what is recorded.
    pub fn submit(&self) {
        let mut state = self.state.borrow_mut();
        state.pass = None;
        if !state.arena.is_empty() {
            self.queue.write_buffer(&self.arena, 0, &state.arena);
            self.count(|c| c.bytes_written += state.arena.len() as u64);
            state.arena.clear();
        }
        self.queue
            .submit(state.encoder.take().map(wgpu::CommandEncoder::finish));
        self.count(|c| c.submissions += 1);
        state.work = 0;
        self.written.set(0);
        drop(state);
        if self.pool.submitted() {
            // They hold on to buffers that are gone.
            self.kernels.unbind();
        }
    }

    /// What went wrong since this was last asked, once the future is awaited.
    pub fn verdict(&self) -> impl Future<Output = Result<()>> {
        let mut state = self.state.borrow_mut();
        let caught = state.scopes.take().map(Scopes::close);
        state.scopes = Some(Scopes::open(&self.device));
        let bytes = self.pool.made().1 - state.made;
        state.made += bytes;
        drop(state);
        async move {
            let caught = match caught {
                Some(caught) => caught.await,
                None => Vec::new(),
            };
            let verdict = self.faults.check(caught, bytes);
            if let Err(BackendError::OutOfMemory { .. } | BackendError::Gpu(_)) = verdict {
                self.pool.distrust();
                self.kernels.unbind();
            }
            verdict
        }
    }
}

impl State {
    fn begin(&mut self, r: &Recorder) -> &mut wgpu::CommandEncoder {
        r.pool.begin();
        self.encoder.get_or_insert_with(|| {
            r.device
                .create_command_encoder(&wgpu::CommandEncoderDescriptor { label: None })
        })
    }

    fn pass(&mut self, r: &Recorder) -> &mut wgpu::ComputePass<'static> {
        let pass = match self.pass.take() {
            Some(pass) => pass,
            None => {
                let encoder = self.begin(r);
                let pass = encoder.begin_compute_pass(&wgpu::ComputePassDescriptor::default());
                pass.forget_lifetime()
            }
        };
        self.pass.insert(pass)
    }

    /// The encoder for copies, outside of any pass.
    fn encoder(&mut self, r: &Recorder) -> &mut wgpu::CommandEncoder {
        self.pass = None;
        self.begin(r)
    }
}

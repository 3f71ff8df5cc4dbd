//! Numbers back from the device.

use super::elements;
use super::pool::{Held, Kind};
use super::tensor::Tensor;
use super::{BackendError, Gpu, Result};
use std::rc::Rc;

/// A buffer that is mapped, or going to be. Unless that ended well it is not
/// used again: it may still be the device's when this is dropped.
struct Mapping {
    staging: Rc<Held>,
    done: bool,
}

impl Drop for Mapping {
    fn drop(&mut self) {
        if !self.done {
            self.staging.spoil();
        }
    }
}

impl Gpu {
    /// The values of each of `xs`: one submission, and one wait, for all.
    pub(super) async fn read_each(&self, xs: &[&Tensor]) -> Result<Vec<Vec<f32>>> {
        let r = &self.0.recorder;
        r.faults.check_lost()?;
        let bytes: u64 = xs.iter().map(|x| x.bytes()).sum();
        if bytes == 0 {
            return Ok(vec![Vec::new(); xs.len()]);
        }
        let mut mapping = Mapping {
            staging: r.pool.take(Kind::Staging, bytes)?,
            done: false,
        };
        // Copies end a pass of kernels, so every kernel comes before the first of them.
        let whole = xs.iter().map(|x| match x.contiguous() {
            true => Ok((*x).clone()),
            false => elements::copy(self, x),
        });
        let whole: Vec<Tensor> = whole.collect::<Result<_>>()?;
        let mut at = 0;
        for x in whole.iter().filter(|x| x.len() > 0) {
            let from = 4 * u64::from(x.offset);
            r.copy_buffer(&x.held.buffer, from, &mapping.staging, at, x.bytes());
            at += x.bytes();
        }
        r.submit();
        let buffer = mapping.staging.buffer.clone();
        let (tell, told) = futures_channel::oneshot::channel();
        buffer.map_async(wgpu::MapMode::Read, ..bytes, move |result| {
            // Whoever asked may have stopped waiting.
            let _ = tell.send(result);
        });
        let verdict = r.verdict();
        #[cfg(all(target_arch = "wasm32", feature = "worker"))]
        let _nudges = super::nudges::Nudges::start(&r.queue);
        #[cfg(not(target_arch = "wasm32"))]
        self.make_progress();
        verdict.await?;
        let mapped = told.await;
        r.faults.check_lost()?;
        if !matches!(mapped, Ok(Ok(()))) {
            return Err(BackendError::Gpu("a buffer could not be read".into()));
        }
        let values: Vec<f32> = {
            let range = buffer.get_mapped_range(..bytes);
            let range = range.map_err(|e| BackendError::Gpu(e.to_string()))?;
            bytemuck::pod_collect_to_vec(&range)
        };
        buffer.unmap();
        mapping.done = true;
        r.read(bytes);
        let mut rest = values.as_slice();
        let each = xs.iter().filter_map(|x| {
            let (own, others) = rest.split_at_checked(usize::try_from(x.len()).ok()?)?;
            rest = others;
            Some(own.to_vec())
        });
        Ok(each.collect())
    }

    /// Natively nothing happens unless somebody waits.
    #[cfg(not(target_arch = "wasm32"))]
    fn make_progress(&self) {
        use std::panic::{AssertUnwindSafe, catch_unwind};
        let r = &self.0.recorder;
        // A device that is lost during the wait makes wgpu panic.
        let polled = catch_unwind(AssertUnwindSafe(|| {
            r.device.poll(wgpu::PollType::wait_indefinitely())
        }));
        match polled {
            Ok(Ok(_)) => {}
            Ok(Err(e)) => r.faults.lose(e.to_string()),
            Err(_) => r.faults.lose("it stopped while numbers were read".into()),
        }
    }
}

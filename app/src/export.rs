//! The results as files.

use crate::grid::Grid;
use patchbay_engine::experiment::{Report, SweepReport};

/// The sweep, one row a cell: layer, position and token (or head), raw metric,
/// normalised metric (0 is the corrupted run, 1 the clean run).
///
/// # Errors
/// [`csv::Error`] where a row cannot be written.
pub fn csv(grid: &Grid) -> Result<String, csv::Error> {
    let mut writer = csv::Writer::from_writer(Vec::new());
    let per_head = grid.site().per_head();
    let column = if per_head { "head" } else { "position" };
    writer.write_record([
        "site",
        "mode",
        "layer",
        column,
        "token",
        "value",
        "normalised",
    ])?;
    let (site, mode) = (name(&grid.sweep.site), name(&grid.sweep.mode));
    for (layer, index, value) in grid.cells() {
        let Some(value) = value else { continue };
        let token = grid.columns.get(index).and_then(|c| c.token.as_deref());
        let normalised = SweepReport::normalised(value, &grid.metric);
        writer.write_record([
            site.as_str(),
            mode.as_str(),
            &layer.to_string(),
            &index.to_string(),
            token.unwrap_or_default(),
            &value.to_string(),
            &normalised.map(|n| n.to_string()).unwrap_or_default(),
        ])?;
    }
    let bytes = writer.into_inner().map_err(|e| e.into_error())?;
    // Only text was written.
    Ok(String::from_utf8_lossy(&bytes).into_owned())
}

/// The whole report: experiment, model, backend, tokens, runs and sweep.
///
/// # Errors
/// [`serde_json::Error`] where a value has no form in JSON.
pub fn json(report: &Report) -> Result<String, serde_json::Error> {
    serde_json::to_string_pretty(report)
}

/// The name that a value has in links and files.
fn name<T: serde::Serialize>(value: &T) -> String {
    match serde_json::to_value(value) {
        Ok(serde_json::Value::String(name)) => name,
        _ => String::new(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::grid::tests::grid;
    use patchbay_engine::experiment::{Mode, Site};

    #[test]
    fn a_row_per_cell_with_quotes_where_needed() {
        let mut grid = grid(Site::ResidPre, Mode::Denoising);
        grid.enter(&[(0, 0, -1.0), (1, 1, 1.0)]);
        assert_eq!(
            csv(&grid).unwrap(),
            "site,mode,layer,position,token,value,normalised\n\
             resid_pre,denoising,0,0,When,-1,0\n\
             resid_pre,denoising,1,1,\" \"\"Bob\"\"\",1,0.5\n"
        );
    }

    #[test]
    fn heads_have_no_token() {
        let mut grid = grid(Site::Z, Mode::Noising);
        grid.enter(&[(1, 2, 3.0)]);
        assert_eq!(
            csv(&grid).unwrap(),
            "site,mode,layer,head,token,value,normalised\nz,noising,1,2,,3,1\n"
        );
    }
}

//! Lines and their indentation. Files in the wild mix tabs with spaces, so indentation is a width, and a tab is as wide as the
//! smallest indentation that the same file writes in spaces.

#[derive(Clone, Copy, Debug)]
pub(super) struct Line<'a> {
    pub number: u32,
    /// The whole line, without its end.
    pub text: &'a str,
    pub width: usize,
    /// Without the space around it.
    pub body: &'a str,
}

pub(super) const FENCE: &str = "```";

const USUAL_INDENT: usize = 4;

pub(super) struct Lines<'a> {
    lines: Vec<Line<'a>>,
    /// Width of one tab, and the step between levels at the root.
    pub unit: usize,
}

impl<'a> Lines<'a> {
    pub fn of(text: &'a str) -> Self {
        let texts: Vec<&str> = text
            .split('\n')
            .map(|line| line.strip_suffix('\r').unwrap_or(line))
            .collect();
        let unit = smallest_indent(&texts);
        let lines = texts.iter().zip(1..).map(|(&text, number)| Line {
            number,
            text,
            width: width(text, unit),
            body: text.trim(),
        });
        Lines {
            lines: lines.collect(),
            unit,
        }
    }

    pub fn get(&self, at: usize) -> Option<Line<'a>> {
        self.lines.get(at).copied()
    }

    /// The line without indentation up to this width.
    pub fn dedent(&self, text: &'a str, target: usize) -> &'a str {
        let mut done = 0;
        for (at, c) in text.char_indices() {
            if done >= target || !matches!(c, ' ' | '\t') {
                return text.get(at..).unwrap_or("");
            }
            done += if c == '\t' { self.unit } else { 1 };
        }
        ""
    }
}

fn indentation(text: &str) -> &str {
    text.get(..text.len() - text.trim_start_matches([' ', '\t']).len())
        .unwrap_or("")
}

fn width(text: &str, unit: usize) -> usize {
    indentation(text)
        .chars()
        .map(|c| if c == '\t' { unit } else { 1 })
        .sum()
}

/// What stands between fences is verbatim and says nothing of the file's own indentation.
fn smallest_indent(texts: &[&str]) -> usize {
    let mut fenced = false;
    let mut smallest = None;
    for text in texts {
        let body = text.trim();
        if fenced {
            fenced = body != FENCE;
            continue;
        }
        fenced = body.ends_with(FENCE) && body.len() > FENCE.len();
        let indent = indentation(text);
        if !body.is_empty() && !indent.is_empty() && indent.chars().all(|c| c == ' ') {
            smallest = Some(smallest.map_or(indent.len(), |width: usize| width.min(indent.len())));
        }
    }
    // Wider than usual, it is the continuation of something that is indented with tabs; a single space is a slip.
    smallest
        .filter(|width| (2..=USUAL_INDENT).contains(width))
        .unwrap_or(USUAL_INDENT)
}

/* SPDX-License-Identifier: BSD-3-Clause */
/* Draws the panels of the page. Texts come from clients: here they reach a canvas only. */
"use strict";
(function () {
	/* ten that can be told apart, and grey for what is left */
	const colours = ["#2b6cb0", "#dd6b20", "#2f855a", "#c53030", "#6b46c1", "#b7791f", "#0e7490", "#b83280",
		"#65a30d", "#1e3a5f"];
	const grey = "#a0a0a0";
	const panels = JSON.parse(document.getElementById("data").textContent);

	function dataset(panel, name, values, at) {
		const colour = name === "other" ? grey : colours[at % colours.length];

		return {
			label: name,
			data: values,
			backgroundColor: colour,
			borderColor: colour,
			borderWidth: panel.stacked ? 0 : 2,
			pointRadius: panel.labels.length > 1 ? 0 : 3,
			barPercentage: 1,
			maxBarThickness: panel.kind === "time" ? undefined : 24,
			categoryPercentage: panel.kind === "time" ? 0.95 : 0.8,
		};
	}

	function draw(canvas, panel) {
		const bars = panel.kind === "bars";
		const amounts = { beginAtZero: true, stacked: panel.stacked, ticks: { precision: 0, maxRotation: 0 } };
		const names = {
			stacked: panel.stacked,
			grid: { display: false },
			ticks: { autoSkip: !bars, maxRotation: 0 },
		};

		canvas.getContext("2d").direction = "ltr";
		/* so that every bar has its name */
		if (bars)
			canvas.parentElement.style.height = `${60 + 22 * (panel.labels.length + panel.series.length / 2)}px`;
		new Chart(canvas, {
			type: panel.stacked ? "bar" : "line",
			data: {
				labels: panel.labels,
				datasets: panel.series.map(([name, values], at) => dataset(panel, name, values, at)),
			},
			options: {
				animation: false,
				indexAxis: bars ? "y" : "x",
				interaction: { mode: "index", axis: bars ? "y" : "x", intersect: false },
				locale: "en",
				maintainAspectRatio: false,
				plugins: {
					legend: {
						display: panel.series.length > 1 || panel.series[0][0] !== "",
						position: "bottom",
						labels: { boxWidth: 12 },
					},
				},
				scales: bars ? { x: amounts, y: names } : { x: names, y: amounts },
			},
		});
	}

	for (const [id, panel] of Object.entries(panels)) {
		const canvas = document.getElementById(id);

		if (canvas)
			draw(canvas, panel);
	}
	/* for who waits until all is drawn */
	document.documentElement.dataset.drawn = "yes";
})();

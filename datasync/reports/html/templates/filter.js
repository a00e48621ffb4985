(function(){"use strict";
var form=document.getElementById("filter");if(!form)return;
form.hidden=false;
var rows=Array.prototype.slice.call(document.querySelectorAll("[data-find]"));
var count=document.getElementById("found");
function apply(){
var text=form.elements.text.value.trim().toLowerCase(),shown=0;
rows.forEach(function(row){
var ok=!text||row.getAttribute("data-find").toLowerCase().indexOf(text)>=0;
["owner","tag","status"].forEach(function(name){
var box=form.elements[name];if(!box||!box.value)return;
var has=JSON.parse(row.getAttribute("data-"+name)||"[]");
if(has.indexOf(box.value)<0)ok=false;});
row.hidden=!ok;if(ok)shown++;});
count.textContent=shown+" of "+rows.length+" shown";}
form.addEventListener("input",apply);form.addEventListener("change",apply);
form.addEventListener("submit",function(event){event.preventDefault();});
apply();})();
